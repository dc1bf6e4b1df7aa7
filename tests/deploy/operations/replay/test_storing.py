"""Batches hold every message once, in order, within the limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deploy.operations.replay.storing import batches_of
from ingest_worker.storing.batch import Limits, Origin
from ingest_worker.storing.messages import Run

ORIGIN = Origin("events", "topic", "id", 0, replay=7)


def run(offsets: list[int], size: int = 1) -> Run:
    values = [b"x" * size for _ in offsets]
    return Run("topic", 0, values, offsets, [0] * len(offsets), payload_bytes=size * len(offsets))


@given(st.lists(st.integers(1, 9)), st.integers(1, 7), st.integers(1, 12), st.integers(1, 5))
def test_every_message_is_in_one_batch(sizes: list[int], rows: int, payload_bytes: int, size: int) -> None:
    runs, offset = [], 0
    for count in sizes:
        runs.append(run(list(range(offset, offset + count)), size))
        offset += count + 3
    batches = list(batches_of(runs, ORIGIN, Limits(rows, payload_bytes, 0)))
    assert [n for batch in batches for n in batch.offsets] == [n for part in runs for n in part.offsets]
    assert all(batch.rows <= rows for batch in batches)
    assert all(batch.payload_bytes <= max(payload_bytes, size) for batch in batches)


def test_a_token_names_the_run() -> None:
    (batch,) = batches_of([run([4, 5, 9])], ORIGIN, Limits(10, 100, 0))
    assert batch.token == "events/id/0/4-9/3/replay-7"
