"""What is found in a snapshot by name and by id."""

from __future__ import annotations

from query_api.access.rate_limit import RateLimiter
from query_api.ids import names_by_id, resource_id
from query_api.snapshot import Snapshot
from schemas.queries.catalog import compile_project
from tests.query_api.fakes import PROJECT, SECRET

SNAPSHOT = Snapshot.of(PROJECT, compile_project(PROJECT), SECRET.encode, RateLimiter())


def test_a_resource_is_found_by_its_name_and_by_its_id() -> None:
    for found in (SNAPSHOT.pipe("top"), SNAPSHOT.pipe(resource_id("top"))):
        assert found is PROJECT.pipes["top"]
    for source in (SNAPSHOT.data_source("events"), SNAPSHOT.data_source(resource_id("events"))):
        assert source is PROJECT.data_sources["events"]
    assert SNAPSHOT.pipe("events") is None
    assert SNAPSHOT.data_source("top") is None
    assert SNAPSHOT.pipe(resource_id("nothing")) is None


def test_only_data_sources_with_jsonpaths_take_events() -> None:
    assert set(SNAPSHOT.feeds) == {"events"}


def test_ids_are_the_same_everywhere_and_tell_names_in_their_parts() -> None:
    assert resource_id("top") == "t_28720365c5e7476a011e4f43ac003ee5"
    assert resource_id("a", "b") != resource_id("ab")
    assert names_by_id(["top"]) == {resource_id("top"): "top"}
