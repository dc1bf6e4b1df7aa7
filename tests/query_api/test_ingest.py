"""Which quarantine rows belong to a request."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from query_api.delivery import Delivered
from query_api.ingest import quarantine_queries
from query_api.limits import MAX_VALUE_BYTES
from schemas.feed import Feed

FEED = Feed("events", "topic")
offset_sets = st.dictionaries(st.integers(0, 5), st.sets(st.integers(0, 60), min_size=1), min_size=1)


@given(offset_sets)
def test_the_runs_hold_exactly_the_produced_offsets(offsets: dict[int, set[int]]) -> None:
    found: list[tuple[int, int]] = []
    for query in quarantine_queries(FEED, Delivered({key: list(numbers) for key, numbers in offsets.items()}, 7)):
        runs = [json.loads(query.parameters[name]) for name in ("partitions", "firsts", "lasts")]
        for partition, first, last in zip(*runs, strict=True):
            found += [(partition, offset) for offset in range(first, last + 1)]
            assert int(query.parameters["lowest"]) <= first
            assert int(query.parameters["highest"]) >= last
            assert query.parameters["earliest"] == "7"
    assert sorted(found) == sorted((partition, offset) for partition, numbers in offsets.items() for offset in numbers)


def test_many_runs_are_asked_in_values_that_clickhouse_takes() -> None:
    queries = quarantine_queries(FEED, Delivered({0: range(10**18, 10**18 + 24_000, 2)}, 0))
    assert len(queries) == 3
    assert all(len(value) <= MAX_VALUE_BYTES for query in queries for value in query.parameters.values())
