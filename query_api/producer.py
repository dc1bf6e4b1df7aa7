"""Writes documents to topics and tells at which offsets the broker stored them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from query_api.errors import TooLarge, Unavailable
from query_api.topics import QUIET

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivered:
    """Where the broker stored documents: partition → offsets, in no order, and the earliest timestamp that one of
    them has there (milliseconds since 1970)."""

    offsets: Mapping[int, Sequence[int]]
    earliest: int


# What is handed to librdkafka on the event loop: 0.6 to 0.9 ms for this many documents of 300 bytes. More goes to a
# thread.
_INLINE_DOCUMENTS = 1_000
_INLINE_BYTES = 1_048_576
# What librdkafka counts for each message beside its bytes, generously.
_MESSAGE_OVERHEAD = 256


class EventProducer(Protocol):
    """A broker that takes documents."""

    async def produce(self, topic: str, documents: Sequence[bytes]) -> Delivered:
        """Write every document as one message and wait until the broker has acknowledged all of them.

        Raises `Unavailable` when it does not in time (some may be stored then), or when too many bytes wait already
        (none is), and `TooLarge` for a message that the broker refuses for its size.
        """
        ...

    @property
    def fatal_error(self) -> str | None:
        """Why this producer will never write again, if so: the process must be restarted."""
        ...

    async def close(self, seconds: float) -> None:
        """Wait until everything handed over is acknowledged, for that many seconds at most."""
        ...


class KafkaProducer:
    """One idempotent producer; a thread of its own serves its delivery reports."""

    def __init__(self, config: Mapping[str, Any], *, buffered_bytes: int, delivery_seconds: float) -> None:
        """`buffered_bytes` bounds what waits for the broker over all requests, before anything is handed over: then a
        request is taken as a whole or not at all."""
        self._buffer_limit = buffered_bytes
        self._buffered = 0
        self._fatal: str | None = None
        self._is_closed = threading.Event()
        self._ended: deque[_Delivery] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._producer = Producer(
            {
                **config,
                **QUIET,
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": config.get("compression.type", "lz4"),
                "linger.ms": config.get("linger.ms", 5),
                "message.timeout.ms": int(delivery_seconds * 1000),
                # The broker's own limit decides, not the client's; one document may be as large as the buffer.
                "message.max.bytes": min(buffered_bytes + _MESSAGE_OVERHEAD, 1_000_000_000),
                # Never the bound that is hit: ours refuses earlier, and whole requests instead of single messages.
                "queue.buffering.max.messages": 0,
                "queue.buffering.max.kbytes": 2_097_151,
                "error_cb": self._on_error,
            }
        )
        self._thread = threading.Thread(target=self._serve, name="delivery-reports", daemon=True)
        self._thread.start()

    @property
    def fatal_error(self) -> str | None:
        return self._fatal

    async def produce(self, topic: str, documents: Sequence[bytes]) -> Delivered:
        size = sum(map(len, documents)) + _MESSAGE_OVERHEAD * len(documents)
        if self._fatal is not None:
            raise Unavailable("Kafka's producer has failed for good and waits for a restart", retry_after=10)
        if self._buffered and self._buffered + size > self._buffer_limit:
            raise Unavailable(
                f"{self._buffered} bytes of events wait for Kafka already\n"
                "hint: the limit is the setting `BIRDHOUSE_API_MAX_BUFFERED_BYTES`"
            )
        self._loop = loop = asyncio.get_running_loop()
        delivery = _Delivery(len(documents), size, loop.create_future(), self._ended)
        self._buffered += size
        if len(documents) <= _INLINE_DOCUMENTS and size <= _INLINE_BYTES:
            self._hand_over(topic, documents, delivery)
        else:
            await asyncio.shield(loop.run_in_executor(None, self._hand_over, topic, documents, delivery))
        return await delivery.done

    async def close(self, seconds: float) -> None:
        left = await asyncio.to_thread(self._producer.flush, seconds)
        self._is_closed.set()
        await asyncio.to_thread(self._thread.join, 5)
        if left:
            logger.error("events were not acknowledged before the end", extra={"fields": {"events": left}})

    def _hand_over(self, topic: str, documents: Sequence[bytes], delivery: _Delivery) -> None:
        try:
            if len(documents) == 1:
                self._producer.produce(topic, documents[0], on_delivery=delivery.report)
                return
            messages: list[dict[str, Any]] = [{"value": document} for document in documents]
            taken = self._producer.produce_batch(topic, messages, on_delivery=delivery.report)
        except (KafkaException, BufferError) as error:
            delivery.refuse(len(documents), error)
        else:
            if taken == len(messages):
                return
            refused = [message["_error"] for message in messages if "_error" in message]
            delivery.refuse(len(refused), refused[0])
        self._wake()

    def _serve(self) -> None:
        while not self._is_closed.is_set():
            self._producer.poll(0.1)
            self._wake()

    def _wake(self) -> None:
        """Let the loop end what has been reported: once for all reports of one poll, since waking it costs a system
        call and a turn of both threads."""
        if self._ended and self._loop is not None:
            # A report may come after the last request, when the loop is closed and nobody waits for it.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        while self._ended:
            delivery = self._ended.popleft()
            # Given back when the broker has answered, not when the request ends: a caller who leaves frees nothing.
            self._buffered -= delivery.size
            delivery.finish()

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = str(error)
            logger.critical("the producer failed for good", extra={"fields": {"error": str(error)}})


class _Delivery:
    """Collects the reports of one request's messages, on the reporting thread, and joins the ended with the last."""

    def __init__(self, expected: int, size: int, done: asyncio.Future[Delivered], ended: deque[_Delivery]) -> None:
        self.size = size
        self.done = done
        self._ended = ended
        self._expected = expected
        self._missing = expected
        self._offsets: dict[int, list[int]] = {}
        self._earliest: int | None = None
        self._error: object = None
        self._lock = threading.Lock()

    def report(self, error: KafkaError | None, message: Message) -> None:
        with self._lock:
            partition, offset = message.partition(), message.offset()
            if error is not None or partition is None or offset is None:
                self._error = error or "an acknowledgement came without its offset"
            else:
                self._offsets.setdefault(partition, []).append(offset)
                _, timestamp = message.timestamp()
                if self._earliest is None or timestamp < self._earliest:
                    self._earliest = timestamp
            self._count_down(1)

    def refuse(self, count: int, error: object) -> None:
        """Messages that librdkafka did not take: nothing will be reported of them."""
        with self._lock:
            self._error = error
            self._count_down(count)

    def _count_down(self, count: int) -> None:
        self._missing -= count
        if self._missing == 0:
            self._ended.append(self)

    def finish(self) -> None:
        """Tell the request, on the event loop."""
        if self.done.done():
            return  # the caller has left
        if self._error is None:
            self.done.set_result(Delivered(self._offsets, self._earliest or 0))
            return
        self.done.set_exception(self._failure(self._error))
        self.done.exception()  # looked at here, because the request may be gone

    def _failure(self, error: object) -> Exception:
        cause = error.args[0] if isinstance(error, KafkaException) else error
        stored = sum(map(len, self._offsets.values()))
        kept = f"; {stored} of {self._expected} events were stored" if stored else ""
        if isinstance(cause, KafkaError) and cause.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return TooLarge(f"an event is larger than Kafka takes (the topic's `max.message.bytes`){kept}")
        reason = cause.str() if isinstance(cause, KafkaError) else str(cause)
        return Unavailable(f"Kafka did not acknowledge the events: {reason}{kept}")
