"""Whose a partition is: a random owner id in ClickHouse, without which the landing table refuses an insert."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from clickhouse_connect.driver.client import Client

from ingest_worker.recovery import Fenced
from schemas.landing import FENCE_TABLE


class OwnerState(StrEnum):
    """What a worker knows about one of its partitions. It inserts only as the owner."""

    CLAIMING = "claiming"  # assigned by the group, not yet written into the fence table: paused
    OWNED = "owned"
    FENCED = "fenced"  # ClickHouse says that somebody else took it


def new_owner() -> int:
    """A random owner id of 63 bits, never 0: that is what ClickHouse reads for a key that nobody owns.

    Random and not counted up: two takeovers at the same moment could read and raise the same number.
    """
    return secrets.randbelow(2**63 - 1) + 1


@dataclass(frozen=True, slots=True)
class Claim:
    """A wish to own partitions under one fresh owner id; `keys` are theirs in the fence table."""

    keys: tuple[str, ...]
    owner: int = field(default_factory=new_owner)


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
