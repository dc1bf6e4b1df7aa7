"""Which quarantine rows belong to a request, and to which of its documents."""

from __future__ import annotations

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from query_api.engine.limits import MAX_VALUE_BYTES
from query_api.events.delivery import Delivered
from query_api.events.quarantine import DocumentError, name_documents, quarantine_queries, read_errors
from schemas.feed import Feed

FEED = Feed("events", "topic")
offset_sets = st.dictionaries(st.integers(0, 5), st.sets(st.integers(0, 60), min_size=1), min_size=1)


@given(offset_sets)
def test_the_runs_hold_exactly_the_produced_offsets(offsets: dict[int, set[int]]) -> None:
    found: list[tuple[int, int]] = []
    for queries in quarantine_queries(FEED, Delivered({key: list(numbers) for key, numbers in offsets.items()}, 7)):
        query = queries.count
        assert queries.errors.parameters == query.parameters
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
    assert all(len(value) <= MAX_VALUE_BYTES for query in queries for value in query.count.parameters.values())


def digest(document: bytes) -> str:
    return hashlib.md5(document).hexdigest()


def test_documents_are_found_by_their_content_in_their_order_and_ten_of_them_named() -> None:
    documents = [b'{"n":%d}' % (number % 30) for number in range(60)]
    rows = [[digest(b'{"n":%d}' % number), ["n"], [f"{number} is wrong"]] for number in range(29, 4, -2)]
    found = name_documents(documents, read_errors(rows))
    assert [error.document for error in found] == list(range(6, 25, 2))
    assert found[0] == DocumentError(6, (("n", "5 is wrong"),))


def test_the_first_wrong_column_is_told_with_its_reason_and_the_others_by_name() -> None:
    error = DocumentError(3, (("a", "A is wrong"), ("b", "B is wrong"), ("c", "C is wrong")))
    assert error.as_json() == {"document": 3, "column": "a", "reason": "A is wrong", "other_columns": ["b", "c"]}
