"""Runs: neighbouring messages of one partition, in order, with nothing added or left out."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.storing.messages import Run, partition_errors, runs_of
from tests.ingest_worker.fakes import kafka_error, message, run

places = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2))


@given(st.lists(st.tuples(places, st.one_of(st.none(), st.binary(max_size=5))), max_size=30))
def test_runs_hold_every_message_in_its_order(sent: list[tuple[tuple[str, int], bytes | None]]) -> None:
    messages = [message(topic, number, index, value) for index, ((topic, number), value) in enumerate(sent)]
    runs = list(runs_of(messages))
    found = [
        ((entry.topic, entry.partition), offset, value)
        for entry in runs
        for offset, value in zip(entry.offsets, entry.values, strict=True)
    ]
    assert found == [(place, index, value or b"") for index, (place, value) in enumerate(sent)]
    neighbours = [(entry.topic, entry.partition) for entry in runs]
    assert all(left != right for left, right in pairwise(neighbours))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), max_size=20))
def test_partitions_of_the_only_topic_are_told_apart(sent: list[tuple[int, int]]) -> None:
    offsets, messages = {0: 0, 1: 0, 2: 0}, []
    for number, step in sent:  # offsets with holes, into which other partitions' messages may fit
        offsets[number] += step
        messages.append(message("topic", number, offsets[number], b"v"))
    found = [(entry.partition, offset) for entry in runs_of(messages, only_topic="topic") for offset in entry.offsets]
    assert found == [(entry.partition(), entry.offset()) for entry in messages]


def test_keys_and_headers_are_read_only_when_wanted() -> None:
    sent = message("a", 0, 7, b"v", key=b"k", headers=[("h", b"1"), ("h", b"2"), ("n", None)], milliseconds=5)
    (plain,) = runs_of([sent])
    assert (plain.keys, plain.headers, plain.payload_bytes) == ((), (), 1)
    (full,) = runs_of([sent], with_keys=True, with_headers=True)
    assert (full.keys, full.headers, full.payload_bytes) == ([b"k"], [{"h": b"2", "n": b""}], 2)
    assert full.timestamps == [5]


def test_a_message_without_key_and_headers_has_empty_ones() -> None:
    (entry,) = runs_of([message("a", 0, 7, None)], with_keys=True, with_headers=True)
    assert (entry.values, entry.keys, entry.headers) == ([b""], [b""], [{}])


def test_errors_are_told_apart_from_events() -> None:
    event, error = message("a", 0, 1, b"v"), message("a", 0, 2, b"broken", failure=kafka_error(-191))
    assert partition_errors([event, error]) == ([event], [error])
    assert partition_errors([event]) == ([event], ())


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(0, 25), st.integers(0, 60))
def test_a_split_keeps_every_message_and_its_bounds(sizes: list[int], rows: int, payload_bytes: int) -> None:
    whole = run("a", 0, *(b"x" * size for size in sizes))
    head, rest = whole.split(rows, payload_bytes)
    parts = [part for part in (head, rest) if part is not None]
    assert [value for part in parts for value in part.values] == list(whole.values)
    assert [offset for part in parts for offset in part.offsets] == list(whole.offsets)
    assert sum(part.payload_bytes for part in parts) == whole.payload_bytes
    if head is not None:
        assert 0 < head.rows <= rows
        assert head.payload_bytes <= payload_bytes
    if rest is not None:
        longer, _ = whole.cut((head.rows if head else 0) + 1)
        assert longer is not None
        assert longer.rows > rows or longer.payload_bytes > payload_bytes


def test_a_split_counts_keys_too() -> None:
    whole = Run("a", 0, [b"1", b"2"], [0, 1], [0, 0], keys=[b"kk", b"kk"], payload_bytes=6)
    head, rest = whole.split(10, 5)
    assert head is not None
    assert rest is not None
    assert (head.keys, rest.keys) == ([b"kk"], [b"kk"])
