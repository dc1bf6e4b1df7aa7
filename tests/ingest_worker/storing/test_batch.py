"""Batches: contiguous, within their limits, and named by what they hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.storing.batch import BatchBuilder, Limits, Origin
from ingest_worker.storing.messages import Run
from schemas.feed import Feed
from schemas.mapping.landing import landing_of
from tests.ingest_worker.fakes import ORIGIN, batch, batch_of, rows_of, run


def built(runs: list[Run], limits: Limits) -> list[BatchBuilder]:
    builders = [BatchBuilder(0.0)]
    for entry in runs:
        rest: Run | None = entry
        while rest is not None:
            rest = builders[-1].add(rest, limits)
            if rest is not None:
                builders.append(BatchBuilder(0.0))
    return builders


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8), max_size=6),
    st.integers(1, 7),
    st.integers(1, 20),
)
def test_batches_hold_all_messages_in_order_within_their_limits(
    sizes: list[list[int]], rows: int, payload_bytes: int
) -> None:
    limits, runs, offset = Limits(rows, payload_bytes, 1.0), [], 0
    for group in sizes:
        runs.append(run("topic", 0, *(b"x" * size for size in group), first_offset=offset))
        offset += len(group)
    builders = built(runs, limits)
    assert [entry for builder in builders for entry in builder.offsets] == list(range(offset))
    assert [len(value) for builder in builders for value in builder.values] == [size for g in sizes for size in g]
    for builder in builders:
        assert builder.rows <= rows
        assert builder.payload_bytes <= payload_bytes or builder.rows == 1
        assert builder.payload_bytes == sum(map(len, builder.values))


def test_a_message_above_the_limit_goes_alone() -> None:
    builders = built([run("topic", 0, b"1", b"x" * 50, b"2")], Limits(10, 20, 1.0))
    assert [list(builder.offsets) for builder in builders] == [[0], [1], [2]]


def test_the_token_says_what_is_in_the_batch() -> None:
    assert batch(3, first_offset=7).token == "events/topic-id/0/7-9/3"


@pytest.mark.parametrize(
    "other",
    [
        batch(3, first_offset=8),
        batch(2, first_offset=7),
        batch(3, 7, Origin("others", "topic", "topic-id", 0)),
        batch(3, 7, Origin("events", "topic", "topic-id", 1)),
        batch(3, 7, Origin("events", "topic", "made-again", 0)),
        batch_of(Run("topic", 0, [b"v"] * 3, [7, 8, 10], [1_000] * 3)),
    ],
)
def test_other_content_has_another_token(other: object) -> None:
    assert getattr(other, "token", None) != batch(3, first_offset=7).token


def test_a_block_has_the_columns_of_the_landing_table() -> None:
    feed = Feed("events", "topic", store_key=True, store_headers=True)
    full = batch_of(
        Run("topic", 0, [b"v", b"w"], [0, 5], [1_000, -1], [b"a", b""], [{}, {"h": b"1"}]),
        Run("topic", 0, [b""], [6], [2_000], [b"c"], [{"h": b"2", "i": b""}]),
    )
    landing = landing_of(feed)
    body = b"".join(full.block(landing, "key", 9))
    columns = rows_of(body)
    assert list(columns) == [name for name, _ in landing.columns]
    assert {name: list(values) for name, values in columns.items()} == {
        "__topic": ["topic"] * 3,
        "__partition": [0] * 3,
        "__offset": [0, 5, 6],
        "__timestamp": [1_000, -1, 2_000],
        "__fence": ["key"] * 3,
        "__owner": [9] * 3,
        "__value": [b"v", b"w", b""],
        "__key": [b"a", b"", b"c"],
        "__headers": [{}, {"h": "1"}, {"h": "2", "i": ""}],
    }
    assert b"".join(full.block(landing, "key", 9)) == body  # it can be sent any number of times


def test_a_builder_becomes_a_batch_of_the_same_messages() -> None:
    (builder,) = built([run("topic", 0, b"1", b"22", first_offset=4)], Limits(10, 100, 1.0))
    made = builder.build(ORIGIN)
    assert (made.rows, made.first_offset, made.last_offset, made.payload_bytes) == (2, 4, 5, 3)
    assert list(made.values) == [b"1", b"22"]


def test_what_is_given_up_is_the_run_that_came_in() -> None:
    came = Run("topic", 0, [b"1", b"22"], [4, 6], [7, 8], [b"k", b""], [{}, {"h": b"1"}], payload_bytes=4)
    builder = BatchBuilder(0.0)
    builder.append(came)
    assert builder.as_run(ORIGIN) == came


def test_a_batch_that_gave_its_memory_back_still_has_its_name() -> None:
    made = batch(3, first_offset=7)
    made.free()
    assert (made.token, made.rows, list(made.values)) == ("events/topic-id/0/7-9/3", 3, [])
