"""Writes documents to topics and tells at which offsets the broker stored them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from query_api.errors import DocumentTooLarge, Unavailable
from query_api.events.delivery import Delivered, Delivery, Outcome, delivery_of
from query_api.events.topics import QUIET
from query_api.events.writer import Writer
from query_api.observing.observations import Observer

logger = logging.getLogger(__name__)

# What is handed to librdkafka on the event loop: 0.6 to 0.9 ms for this many documents of 300 bytes. More goes to a
# thread.
_INLINE_DOCUMENTS = 1_000
_INLINE_BYTES = 1_048_576
# What librdkafka counts for each message beside its bytes, generously.
_MESSAGE_OVERHEAD = 256
# librdkafka's `batch.size` unless it is set: topics that take as much share one producer.
_BATCH_BYTES = 1_000_000
_SINGLE = 1


class EventProducer(Protocol):
    """A broker that takes documents."""

    async def produce(self, topic: str, documents: Sequence[bytes], *, limit: int) -> Delivered:
        """Write every document as one message and wait until the broker has acknowledged all of them.

        `limit` is the topic's `max.message.bytes`, which a batch of messages must keep as a whole. Raises `Unavailable`
        when the broker does not acknowledge in time (some may be stored then), or when too many bytes wait already
        (none is), `TooLarge` for a message that the broker refuses for its size, and `BadRequest` for messages that
        the topic can never take.
        """
        ...

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written now, as far as this is known without writing."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether everything runs that acknowledgements need."""
        ...

    async def close(self, seconds: float) -> None:
        """Wait until everything handed over is acknowledged, for that many seconds at most."""
        ...


class KafkaProducer:
    """Idempotent producers: one for all topics of usual limits, one more for each size of smaller batches."""

    def __init__(
        self, config: Mapping[str, Any], observe: Observer, *, buffered_bytes: int, delivery_seconds: float
    ) -> None:
        """`buffered_bytes` bounds what waits for the broker over all requests, before anything is handed over: then a
        request is taken as a whole or not at all."""
        self._observe = observe
        self._buffer_limit = buffered_bytes
        self._buffered = 0
        self._ended: deque[Delivery] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._config = {
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
            # Connections are watched elsewhere; with a callback a fatal error comes out of `poll` as an exception.
            "error_cb": lambda _: None,
        }
        self._writers: dict[int, Writer] = {_BATCH_BYTES: Writer(self._config, observe, self._wake)}

    @property
    def trouble(self) -> str | None:
        return next((writer.trouble for writer in self._writers.values() if writer.trouble is not None), None)

    @property
    def is_alive(self) -> bool:
        return all(writer.is_alive for writer in self._writers.values())

    async def produce(self, topic: str, documents: Sequence[bytes], *, limit: int) -> Delivered:
        writer = self._writer(limit)
        outcome = await self._write(writer, topic, documents)
        stored, too_large = outcome.stored, outcome.too_large
        if too_large and outcome.error is None:
            # The limit is smaller than we were told. Nothing of a refused batch is stored, so that its documents may
            # be sent again, each in a batch of its own.
            writer = self._writer(_SINGLE)
            again = await self._write(writer, topic, too_large)
            outcome = Outcome(stored + again.stored, again.too_large, again.error)
            if again.too_large:
                document = again.too_large[0]
                count = sum(map(len, outcome.stored.offsets.values()))
                raise DocumentTooLarge(documents.index(document) + 1, len(document), stored=count)
        if outcome.error is not None:
            raise outcome.failure(len(documents), writer.trouble)
        return outcome.stored

    async def close(self, seconds: float) -> None:
        closing = (asyncio.to_thread(writer.close, seconds) for writer in self._writers.values())
        if left := sum(await asyncio.gather(*closing)):
            logger.error("events were not acknowledged before the end", extra={"fields": {"events": left}})

    def _writer(self, limit: int) -> Writer:
        """The one whose batches keep a topic's limit. Limits are rounded down, so that there are few."""
        size = _BATCH_BYTES if limit >= _BATCH_BYTES else 1 << (max(limit, 1).bit_length() - 1)
        writer = self._writers.get(size)
        if writer is None:
            # "Maximum size of all messages batched in one MessageSet, including protocol framing overhead. This limit
            # is applied after the first message": librdkafka's CONFIGURATION.md.
            writer = self._writers[size] = Writer({**self._config, "batch.size": size}, self._observe, self._wake)
        return writer

    async def _write(self, writer: Writer, topic: str, documents: Sequence[bytes]) -> Outcome:
        size = sum(map(len, documents)) + _MESSAGE_OVERHEAD * len(documents)
        writer.check()
        if self._buffered and self._buffered + size > self._buffer_limit:
            raise Unavailable(
                f"{self._buffered} bytes of events wait for Kafka already\n"
                "hint: the limit is the setting `BIRDHOUSE_API_MAX_BUFFERED_BYTES`"
            )
        self._loop = loop = asyncio.get_running_loop()
        delivery = delivery_of(len(documents), size, loop.create_future(), self._ended)
        self._buffered += size
        if len(documents) <= _INLINE_DOCUMENTS and size <= _INLINE_BYTES:
            writer.hand_over(topic, documents, delivery)
        else:
            await asyncio.shield(loop.run_in_executor(None, writer.hand_over, topic, documents, delivery))
        return await delivery.done

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
