"""Whose a partition is: an owner id in ClickHouse, without which the landing table refuses an insert."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from clickhouse_connect.driver.client import Client

from ingest_worker.storing.fence.recovery import Fenced
from schemas.own_names import FENCE_TABLE


class OwnerState(StrEnum):
    """What a worker knows about one of its partitions. It inserts only as the owner."""

    CLAIMING = "claiming"  # assigned by the group, not yet written into the fence table: paused
    OWNED = "owned"
    FENCED = "fenced"  # ClickHouse says that somebody else took it: it is taken back after a while
    REFUSED = "refused"  # taking it over would store events twice: an operator must decide


_RANDOM_BITS = 40


def new_owner(group: str) -> int:
    """A fresh owner id of 64 bits, never 0: that is what ClickHouse reads for a key that nobody owns.

    The upper 24 bits are the same for all members of a consumer group, so that a successor can tell whether its
    predecessor belonged to its own. The rest is random and not counted up: two takeovers at the same moment could read
    and raise the same number.
    """
    return _mark_of(group) << _RANDOM_BITS | secrets.randbelow(2**_RANDOM_BITS - 1) + 1


def is_of_group(owner: int, group: str) -> bool:
    """Whether an owner id was made by a member of this group (another group passes once in 16 million)."""
    return owner >> _RANDOM_BITS == _mark_of(group)


def _mark_of(group: str) -> int:
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:3], "big")


@dataclass(frozen=True, slots=True)
class Claim:
    """A wish to own partitions under one fresh owner id; `keys` are theirs in the fence table."""

    keys: tuple[str, ...]
    owner: int


def former_owners(client: Client, database: str, keys: Collection[str]) -> Mapping[str, int]:
    """The owner ids that stand under these keys of the fence table; a key that nobody ever owned is left out."""
    found = client.query(
        "SELECT key, owner FROM {database:Identifier}.{fence:Identifier} WHERE key IN {keys:Array(String)}",
        parameters={"database": database, "fence": FENCE_TABLE, "keys": list(keys)},
    )
    return {str(key): int(owner) for key, owner in found.result_rows}


def loaded_topics(client: Client, database: str, prefix: str) -> Mapping[str, int]:
    """The last owner ids by those keys of the fence table that begin with `prefix`."""
    found = client.query(
        "SELECT key, owner FROM {database:Identifier}.{fence:Identifier} WHERE startsWith(key, {prefix:String})",
        parameters={"database": database, "fence": FENCE_TABLE, "prefix": prefix},
    )
    return {str(key): int(owner) for key, owner in found.result_rows}


def take_ownership(client: Client, database: str, claim: Claim) -> Fenced:
    """Write the claim into the fence table. Once this returns, inserts of every former owner are refused (error 469).

    Raises what the client raises; writing the same claim again is harmless.
    """
    client.insert(
        FENCE_TABLE,
        [list(claim.keys), [claim.owner] * len(claim.keys)],
        column_names=["key", "owner"],
        column_type_names=["String", "UInt64"],
        column_oriented=True,
        database=database,
        settings={"async_insert": 0},
    )
    return Fenced(claim.owner)
