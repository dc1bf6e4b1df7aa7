"""Stand-ins for what the worker talks to: messages, a consumer, a client of ClickHouse, a clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any, cast

from clickhouse_connect.driver.buffer import ResponseBuffer
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.query import QueryContext, QueryResult
from clickhouse_connect.driver.transform import NativeTransform
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from ingest_worker.context import Context
from ingest_worker.observing.observations import Observer
from ingest_worker.pipeline.buffer import Buffer
from ingest_worker.settings import IngestSettings
from ingest_worker.storing.batch import Batch, BatchBuilder, Limits, Origin
from ingest_worker.storing.fence.recovery import Fenced, Quiet, Recovered
from ingest_worker.storing.messages import Run
from ingest_worker.storing.partitions import FeedPartition
from ingest_worker.storing.record import ResumePoint
from service.settings import load_settings

ORIGIN = Origin("events", "topic", "topic-id", 0)
LIMITS = Limits(rows=10, payload_bytes=1000, seconds=1.0)


def context(
    observe: Observer = lambda _: None,
    *,
    connect: Callable[[], Any] | None = None,
    clock: Callable[[], float] | None = None,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], object] = lambda _: None,
    **settings: object,
) -> Context:
    """What a worker's parts are handed; `settings` are of BIRDHOUSE_INGEST_, in lower case."""
    environment = {f"BIRDHOUSE_INGEST_{name.upper()}": str(value) for name, value in settings.items()}
    loaded = load_settings(IngestSettings, environment)
    return Context(
        loaded,
        cast("Callable[[], Client]", connect or FakeClient),
        observe,
        clock=clock or Clock(),
        now=now,
        sleep=sleep,
    )


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def kafka_error(code: int, *, fatal: bool = False) -> KafkaError:
    return KafkaError(code, fatal=fatal)


def recovered(*feed_partitions: FeedPartition, position: int = 0, owner: int = 7) -> Recovered:
    """A takeover that found nothing."""
    return Recovered(Quiet(Fenced(owner)), dict.fromkeys(feed_partitions, ResumePoint(position)))


def message(
    topic: str | None,
    partition: int | None,
    offset: int,
    value: bytes | None,
    *,
    failure: KafkaError | None = None,
    milliseconds: int = 1_000,
    key: bytes | None = None,
    headers: Any = None,
) -> Message:
    """A message as the consumer hands it over."""
    found = {"topic": topic, "partition": partition, "error": failure, "key": key, "headers": headers, "value": value}
    given = {name: entry for name, entry in found.items() if entry is not None}
    return Message(offset=offset, timestamp=(1, milliseconds), **given)


def run(topic: str, partition: int, *values: bytes, first_offset: int = 0) -> Run:
    """A run of these values at consecutive offsets."""
    return Run(
        topic,
        partition,
        list(values),
        list(range(first_offset, first_offset + len(values))),
        [1_000] * len(values),
        payload_bytes=sum(map(len, values)),
    )


def batch(rows: int = 2, first_offset: int = 0, origin: Origin = ORIGIN) -> Batch:
    offsets = list(range(first_offset, first_offset + rows))
    return batch_of(
        Run(origin.topic, origin.partition, [b"v"] * rows, offsets, [1_000] * rows, payload_bytes=rows), origin=origin
    )


def batch_of(*runs: Run, origin: Origin = ORIGIN) -> Batch:
    """A batch of all that these runs hold."""
    builder = BatchBuilder(0.0)
    for entry in runs:
        builder.append(entry)
    return builder.build(origin)


def rows_of(body: bytes) -> dict[str, Sequence[Any]]:
    """The columns of a block in the Native format, as ClickHouse's client reads them: values and keys as bytes."""
    source = ResponseBuffer(  # type: ignore[no-untyped-call]  # the driver does not annotate it
        SimpleNamespace(gen=iter([body]), close=lambda: None)
    )
    context = QueryContext(column_oriented=True, column_formats={"__value": "bytes", "__key": "bytes"})
    result = NativeTransform.parse_response(source, context)
    assert isinstance(result, QueryResult)
    return dict(zip(result.column_names, result.result_columns, strict=True))


def seal_and_record(buffer: Buffer) -> None:
    """What the reading thread does: cuts the batches that are due, has them written down and the topic looked at."""
    buffer.seal()
    for place in buffer.loads():
        queue = buffer.queue(place)
        if queue is not None and queue.cuts:
            buffer.confirm(queue.origin.topic, queue.origin.topic_id, float("inf"))
            buffer.recorded(queue, queue.cuts)


def refusal(code: int, text: str = "refused") -> DatabaseError:
    """An error that ClickHouse answered with."""
    return DatabaseError(f"Code: {code}. DB::Exception: {text}", code=code, name="NAME")


class FakeClient:
    """A ClickHouse client whose next answers are given; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.inserts: list[dict[str, Any]] = []
        self.queries: list[tuple[str, Any]] = []
        self.write_compression: str | None = None
        self.is_closed = False

    def insert(self, table: str, data: Any, **options: Any) -> Any:
        self.inserts.append({"table": table, "data": data, **options})
        return SimpleNamespace(summary=self._answer())

    def raw_insert(self, table: str, *, insert_block: Iterable[bytes], **options: Any) -> Any:
        body = b"".join(insert_block)
        self.inserts.append({"table": table, "body": body, **options})
        return SimpleNamespace(summary=self._answer())

    def query(self, sql: str, parameters: Any = None) -> Any:
        self.queries.append((sql, parameters))
        return SimpleNamespace(result_rows=self._answer())

    def close(self) -> None:
        self.is_closed = True

    def _answer(self) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeConsumer:
    """A consumer whose calls are given: each entry is a list of messages, an exception, or something to be called."""

    def __init__(self, *calls: Any, committed: dict[tuple[str, int], int] | None = None) -> None:
        self.calls = list(calls)
        self.group_offsets = dict(committed or {})
        self.marks: dict[tuple[str, int], tuple[int, int]] = {}
        self.commits: list[dict[tuple[str, int], int]] = []
        self.metadata: dict[tuple[str, int], str] = {}
        self.refuse_commit: Any = None
        self.paused: set[tuple[str, int]] = set()
        self.assigned: dict[tuple[str, int], int] = {}
        self.sought: list[tuple[str, int, int]] = []
        self.marks_asked: list[tuple[str, int]] = []
        self.refuse_marks: KafkaException | None = None
        self.is_closed = False
        self.callbacks: dict[str, Callable[[Any, list[TopicPartition]], None]] = {}
        self.on_empty: Callable[[], None] = lambda: None

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        self.topics, self.callbacks = topics, callbacks

    def assign_now(self, *places: tuple[str, int]) -> None:
        self.callbacks["on_assign"](self, [TopicPartition(*place) for place in places])

    def revoke_now(self, *places: tuple[str, int]) -> None:
        self.callbacks["on_revoke"](self, [TopicPartition(*place) for place in places])

    def lose_now(self, *places: tuple[str, int]) -> None:
        self.callbacks["on_lost"](self, [TopicPartition(*place) for place in places])

    def consume(self, _count: int, timeout: float) -> Sequence[Any]:
        if not self.calls:
            self.on_empty()
            return []
        call = self.calls.pop(0)
        if callable(call):
            call = call()
        if isinstance(call, Exception):
            raise call
        return call or []

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [
            TopicPartition(
                entry.topic,
                entry.partition,
                self.group_offsets.get((entry.topic, entry.partition), -1001),
                self.metadata.get((entry.topic, entry.partition), ""),
            )
            for entry in partitions
        ]

    def get_watermark_offsets(self, place: TopicPartition, *, cached: bool = False, **_: Any) -> tuple[int, int]:
        if not cached:
            self.marks_asked.append((place.topic, place.partition))
            if self.refuse_marks is not None:
                raise self.refuse_marks
        return self.marks.get((place.topic, place.partition), (0, 0))

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned |= {(entry.topic, entry.partition): entry.offset for entry in partitions}

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        for entry in partitions:
            self.assigned.pop((entry.topic, entry.partition), None)

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused |= {(entry.topic, entry.partition) for entry in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused -= {(entry.topic, entry.partition) for entry in partitions}

    def seek(self, place: TopicPartition) -> None:
        self.sought.append((place.topic, place.partition, place.offset))

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        assert not asynchronous
        if self.refuse_commit is not None:
            raise self.refuse_commit
        before = dict(self.group_offsets)
        self.group_offsets |= {(entry.topic, entry.partition): entry.offset for entry in offsets}
        self.metadata |= {(entry.topic, entry.partition): entry.metadata or "" for entry in offsets}
        if self.group_offsets != before:
            self.commits.append({(entry.topic, entry.partition): entry.offset for entry in offsets})
        return offsets

    def close(self) -> None:
        if self.assigned and not self.is_closed:
            self.revoke_now(*self.assigned)
        self.is_closed = True
