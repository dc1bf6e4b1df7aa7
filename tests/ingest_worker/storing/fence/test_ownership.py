"""Ownership: a fresh random id for each claim, written under the keys that the landing table looks up."""

from __future__ import annotations

from typing import Any, cast

from ingest_worker.storing.fence.ownership import Claim, former_owners, is_of_group, new_owner, take_ownership
from tests.ingest_worker.fakes import FakeClient


def test_owner_ids_are_fresh_fit_64_bits_and_are_never_nobody() -> None:
    owners = {new_owner("birdhouse") for _ in range(1000)}
    assert len(owners) == 1000
    assert all(0 < owner < 2**64 for owner in owners)


def test_an_owner_id_says_whose_group_it_is_of() -> None:
    owner = new_owner("birdhouse")
    assert is_of_group(owner, "birdhouse")
    assert not is_of_group(owner, "birdhouse-2")
    assert not is_of_group(0, "birdhouse")


def test_former_owners_are_those_that_stand_in_the_fence_table() -> None:
    client = FakeClient([("a/id/0", 7)])
    assert former_owners(cast("Any", client), "birdhouse", ["a/id/0", "a/id/1"]) == {"a/id/0": 7}
    assert client.queries[0][1]["keys"] == ["a/id/0", "a/id/1"]


def test_a_claim_is_one_insert_into_the_fence_table() -> None:
    client = FakeClient({})
    claim = Claim(("a/id/0", "a/id/1"), 7)
    take_ownership(cast("Any", client), "birdhouse", claim)
    (sent,) = client.inserts
    assert (sent["table"], sent["database"]) == ("ingest_fence", "birdhouse")
    assert sent["data"] == [["a/id/0", "a/id/1"], [7, 7]]
    assert sent["settings"]["async_insert"] == 0
