"""The record in a commit's metadata: what is written is read again, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.storing.record import Cut, FeedProgress, Record, parse_record

KAFKA_TAKES = 4_096
"""Bytes: `offset.metadata.max.bytes` of a broker, by default."""


@st.composite
def progress_of(draw: st.DrawFn, committed: int) -> FeedProgress:
    edge = position = committed + draw(st.integers(0, 10**6))
    cuts = []
    for _ in range(draw(st.integers(0, 4))):
        first = edge + draw(st.integers(0, 1000))
        last = first + draw(st.integers(0, 10**6))
        cuts.append(Cut(first, last, draw(st.integers(1, last - first + 1))))
        edge = last + 1
    return FeedProgress(position, tuple(cuts))


@given(st.data(), st.integers(0, 2**62))
def test_what_is_written_is_read_again(data: st.DataObject, committed: int) -> None:
    names = data.draw(st.lists(st.text(max_size=20), unique=True, max_size=5))
    record = Record("topic-id", {name: data.draw(progress_of(committed)) for name in names})
    assert parse_record(record.encode(committed), committed) == record


@given(st.text(max_size=200))
def test_any_other_text_is_no_record(text: str) -> None:
    assert parse_record(text, 5) is None


@pytest.mark.parametrize(
    "content",
    [
        {"v": 2, "topic": "t", "lanes": {}},  # of a later version
        {"v": 1, "lanes": {}},
        {"v": 1, "topic": "t", "lanes": {"a": [-1, []]}},  # a data source behind the commit
        {"v": 1, "topic": "t", "lanes": {"a": [0, [[5, 3, 4], [6, 1, 1]]]}},  # overlapping batches
        {"v": 1, "topic": "t", "lanes": {"a": [3, [[0, 1, 2]]]}},  # a batch below the position
        {"v": 1, "topic": "t", "lanes": {"a": [0, [[0, 1, 3]]]}},  # more messages than offsets
        {"v": 1, "topic": "t", "lanes": {"a": [0, [[0, 1, 0]]]}},  # none
        {"v": 1, "topic": "t", "lanes": {"a": ["0", []]}},
        {"v": 1, "topic": "t", "lanes": [1]},
    ],
)
def test_a_record_that_cannot_be_is_none(content: object) -> None:
    assert parse_record(json.dumps(content), 100) is None


def test_fifty_data_sources_of_one_topic_fit_into_what_kafka_takes() -> None:
    committed = 10**12
    cuts = tuple(Cut(first, first + 49_999, 50_000) for first in (committed + 100_000, committed + 150_000))
    record = Record(
        "A" * 22, {f"data_source_{number:02}": FeedProgress(committed + 100_000, cuts) for number in range(50)}
    )
    assert len(record.encode(committed).encode()) <= KAFKA_TAKES
