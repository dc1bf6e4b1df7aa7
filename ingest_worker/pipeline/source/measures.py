"""What the reading loop tells of itself: where its time goes, and where the partitions end that it fetches from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer

from ingest_worker.observing.consuming import SourceTimed
from ingest_worker.pipeline.source.session import Session

_MEASURE_SECONDS = 1.0


class Measures:
    """All on the thread that reads."""

    def __init__(self, session: Session) -> None:
        self._assignment = session.assignment
        self._observe = session.context.observe
        self._clock = session.context.clock
        self._not_before = 0.0
        self._spent: dict[str, float] = defaultdict(float)  # seconds by step, not told yet

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        started = self._clock()
        yield
        self._spent[step] += self._clock() - started

    def tell(self, consumer: Consumer) -> None:
        """Once a second; nothing in between."""
        if self._clock() < self._not_before:
            return
        self._not_before = self._clock() + _MEASURE_SECONDS
        for step, seconds in self._spent.items():
            self._observe(SourceTimed(step, seconds))
        self._spent.clear()
        for partition in self._assignment.partitions.values():
            # Cached: what the last fetch said, no request.
            marks = consumer.get_watermark_offsets(partition.topic_partition, cached=True)
            if marks is not None and marks[1] >= 0 and marks[1] != partition.fetched_high:
                partition.fetched_high = marks[1]
                partition.measured(marks[1], self._clock())
