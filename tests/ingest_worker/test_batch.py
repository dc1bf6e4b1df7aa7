"""Batches: contiguous, within their limits, and named by what they hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.batch import BatchBuilder, Limits, Origin
from ingest_worker.messages import Run
from schemas.feed import Feed
from schemas.landing import landing_of
from tests.ingest_worker.fakes import ORIGIN, batch, run


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
    assert [builder.offsets for builder in builders] == [[0], [1], [2]]


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
        replace(batch(4, 7), values=[b"v"] * 3, offsets=[7, 8, 10]),
    ],
)
def test_other_content_has_another_token(other: object) -> None:
    assert getattr(other, "token", None) != batch(3, first_offset=7).token


def test_columns_follow_the_landing_table() -> None:
    feed = Feed("events", "topic", store_key=True, store_headers=True)
    full = replace(batch(2), keys=[b"a", b"b"], headers=[{}, {"h": b"1"}])
    columns = dict(
        zip((name for name, _ in landing_of(feed).columns), full.columns(landing_of(feed), "key", 9), strict=True)
    )
    assert columns == {
        "__topic": ["topic", "topic"],
        "__partition": [0, 0],
        "__offset": [0, 1],
        "__timestamp": [1_000, 1_000],
        "__fence": ["key", "key"],
        "__owner": [9, 9],
        "__value": [b"v", b"v"],
        "__key": [b"a", b"b"],
        "__headers": [{}, {"h": b"1"}],
    }


def test_a_builder_becomes_a_batch_of_the_same_messages() -> None:
    (builder,) = built([run("topic", 0, b"1", b"22", first_offset=4)], Limits(10, 100, 1.0))
    made = builder.build(ORIGIN)
    assert (made.rows, made.first_offset, made.last_offset, made.payload_bytes) == (2, 4, 5, 3)
    assert made.values == [b"1", b"22"]
