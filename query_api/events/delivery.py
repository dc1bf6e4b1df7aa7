"""What becomes of the documents of one request: the broker's answers, counted to the last one."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message

from query_api.errors import BadRequest, RequestError, TooLarge, Unavailable

_PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT, KafkaError._FATAL})


@dataclass(frozen=True, slots=True)
class Delivered:
    """Where the broker stored documents: partition → offsets, in no order, and the earliest timestamp that one of
    them has there (milliseconds since 1970)."""

    offsets: Mapping[int, Sequence[int]]
    earliest: int

    def __add__(self, other: Delivered) -> Delivered:
        partitions = self.offsets.keys() | other.offsets.keys()
        offsets = {number: [*self.offsets.get(number, ()), *other.offsets.get(number, ())] for number in partitions}
        known = [each.earliest for each in (self, other) if each.offsets]
        return Delivered(offsets, min(known, default=0))


@dataclass(frozen=True, slots=True)
class Outcome:
    """All answers to one hand-over: what is stored, which documents were too large together with others (in their
    order; nothing of them is stored), and why anything else is not stored."""

    stored: Delivered
    too_large: Sequence[bytes]
    error: object = None

    def failure(self, documents: int, trouble: str | None) -> RequestError:
        """What the caller is told of an `error`; `trouble` is the producer's own, which says more than that what it
        held was thrown away."""
        count = sum(map(len, self.stored.offsets.values()))
        kept = f"; {count} of {documents} events were stored" if count else ""
        cause = self.error.args[0] if isinstance(self.error, KafkaException) else self.error
        code = cause.code() if isinstance(cause, KafkaError) else None
        if code == KafkaError.MSG_SIZE_TOO_LARGE:
            return TooLarge(f"an event is larger than Kafka takes (the topic's `max.message.bytes`){kept}")
        if code == KafkaError.INVALID_RECORD:
            return BadRequest(keyless(f"Kafka refuses the events as invalid{kept}"))
        reason = cause.str() if isinstance(cause, KafkaError) else str(cause)
        reason = trouble if code in _PURGED and trouble else reason
        return Unavailable(f"Kafka did not acknowledge the events: {reason}{kept}")


def keyless(problem: str) -> str:
    """A refusal of events because their topic is compacted, which wants a key of every message."""
    return (
        f"{problem}: a compacted topic takes no message without a key, and events that come over HTTP have none\n"
        "hint: set the topic's `cleanup.policy` to `delete`, or write to it with a Kafka client"
    )


_NOTHING = Delivered({}, 0)
_NO_OFFSET = "an acknowledgement came without its offset"


class Delivery(ABC):
    """What becomes of one hand-over of `size` bytes; with the last answer it joins the `ended`. `report` and `refuse`
    may be called from any thread, the rest on the event loop, once it has ended."""

    __slots__ = ("_ended", "done", "size")

    def __init__(self, size: int, done: asyncio.Future[Outcome], ended: deque[Delivery]) -> None:
        self.size = size
        self.done = done
        self._ended = ended

    @abstractmethod
    def report(self, error: KafkaError | None, message: Message) -> None:
        """The answer to one message: the broker's, or librdkafka's own."""

    @abstractmethod
    def refuse(self, count: int, error: object) -> None:
        """Messages that librdkafka did not take: nothing will be reported of them."""

    @abstractmethod
    def outcome(self) -> Outcome:
        """All answers together."""

    def finish(self) -> None:
        """Tell the request."""
        if not self.done.done():  # else the caller has left
            self.done.set_result(self.outcome())


def delivery_of(documents: int, size: int, done: asyncio.Future[Outcome], ended: deque[Delivery]) -> Delivery:
    """For that many documents, of `size` bytes together."""
    return _OneDelivery(size, done, ended) if documents == 1 else _ManyDelivery(documents, size, done, ended)


class _OneDelivery(Delivery):
    """Of one document, which is how browsers send them. Nothing is counted or shared, and on the thread of the reports,
    for which the event loop waits meanwhile, the answer is only put down."""

    __slots__ = ("_error", "_message")
    _error: Any  # a KafkaError where there is a message
    _message: Message | None

    def report(self, error: KafkaError | None, message: Message) -> None:
        self._error, self._message = error, message
        self._ended.append(self)

    def refuse(self, count: int, error: object) -> None:  # noqa: ARG002 - one, as the class is of one
        self._error, self._message = error, None
        self._ended.append(self)

    def outcome(self) -> Outcome:
        error, message = self._error, self._message
        if message is None:
            return Outcome(_NOTHING, (), error)
        if error is not None:
            is_too_large = error.code() == KafkaError.MSG_SIZE_TOO_LARGE
            return Outcome(_NOTHING, (message.value() or b"",)) if is_too_large else Outcome(_NOTHING, (), error)
        partition, offset = message.partition(), message.offset()
        if partition is None or offset is None:
            return Outcome(_NOTHING, (), _NO_OFFSET)
        return Outcome(Delivered({partition: (offset,)}, message.timestamp()[1]), ())


class _ManyDelivery(Delivery):
    """Of several documents, counted to the last answer."""

    __slots__ = ("_earliest", "_error", "_lock", "_missing", "_offsets", "_too_large")

    def __init__(self, documents: int, size: int, done: asyncio.Future[Outcome], ended: deque[Delivery]) -> None:
        super().__init__(size, done, ended)
        self._missing = documents
        self._offsets: dict[int, list[int]] = {}
        self._earliest: int | None = None
        self._too_large: list[bytes] = []
        self._error: object = None
        self._lock = threading.Lock()

    def report(self, error: KafkaError | None, message: Message) -> None:
        with self._lock:
            partition, offset = message.partition(), message.offset()
            if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                self._too_large.append(message.value() or b"")
            elif error is not None or partition is None or offset is None:
                self._error = error or _NO_OFFSET
            else:
                self._offsets.setdefault(partition, []).append(offset)
                _, timestamp = message.timestamp()
                if self._earliest is None or timestamp < self._earliest:
                    self._earliest = timestamp
            self._count_down(1)

    def refuse(self, count: int, error: object) -> None:
        with self._lock:
            self._error = error
            self._count_down(count)

    def _count_down(self, count: int) -> None:
        self._missing -= count
        if self._missing == 0:
            self._ended.append(self)

    def outcome(self) -> Outcome:
        return Outcome(Delivered(self._offsets, self._earliest or 0), self._too_large, self._error)
