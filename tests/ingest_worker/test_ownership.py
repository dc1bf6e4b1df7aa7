"""Ownership: a fresh random id for each claim, written under the keys that the landing table looks up."""

from __future__ import annotations

from typing import Any, cast

from ingest_worker.ownership import Claim, new_owner, take_ownership
from tests.ingest_worker.fakes import FakeClient


def test_owner_ids_are_fresh_fit_63_bits_and_are_never_nobody() -> None:
    owners = {new_owner() for _ in range(1000)}
    assert len(owners) == 1000
    assert all(0 < owner < 2**63 for owner in owners)


def test_a_claim_is_one_insert_into_the_fence_table() -> None:
    client = FakeClient({})
    claim = Claim(("a/id/0", "a/id/1"))
    take_ownership(cast("Any", client), "birdhouse", claim)
    (sent,) = client.inserts
    assert (sent["table"], sent["database"]) == ("ingest_fence", "birdhouse")
    assert sent["data"] == [["a/id/0", "a/id/1"], [claim.owner, claim.owner]]
    assert sent["settings"]["async_insert"] == 0
