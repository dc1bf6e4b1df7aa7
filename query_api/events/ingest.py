"""Takes documents for a data source: to its topic, and on request waits until their rows are in ClickHouse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from query_api.errors import BadRequest, DocumentTooLarge, RequestError
from query_api.events.committed import CommitWatcher
from query_api.events.delivery import Delivered, keyless
from query_api.events.producer import EventProducer
from query_api.events.quarantine import DocumentError, Reasons, name_documents, quarantine_queries, read_errors
from query_api.events.topics import Topics
from schemas.feed import Feed
from schemas.queries.query import Query

# Looking for documents by their content takes some 2 ms for a megabyte: more of them goes to a thread.
_INLINE_BYTES = 262_144

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the documents of a request. Rows are counted only where `is_stored`; `errors` are the first of
    the documents that are in quarantine."""

    documents: int
    quarantined: int = 0
    is_stored: bool = False
    errors: Sequence[DocumentError] = ()


class CountRows(Protocol):
    """Asks ClickHouse a question whose answer is one number."""

    async def __call__(self, query: Query) -> int: ...


class ReadRows(Protocol):
    """Asks ClickHouse a question whose answer is a few rows."""

    async def __call__(self, query: Query) -> list[list[object]]: ...


class EventIngest:
    """The Events API without HTTP."""

    def __init__(
        self,
        producer: EventProducer,
        topics: Topics,
        watcher: CommitWatcher,
        count_rows: CountRows,
        read_rows: ReadRows,
    ) -> None:
        self._producer = producer
        self._topics = topics
        self._watcher = watcher
        self._count_rows = count_rows
        self._read_rows = read_rows

    async def take(self, feed: Feed, documents: Sequence[bytes], *, wait_seconds: float | None) -> Taken:
        """Write documents to the feed's topic; with `wait_seconds`, wait at most so long for their rows.

        When that time is over the documents are safe in Kafka all the same, so it is no error: `is_stored` is False.
        No documents are no events, and stored at once. Raises `Unavailable`, `TooLarge`, and `BadRequest` for a topic
        that takes no events without a key.
        """
        if not documents:
            return Taken(0, is_stored=wait_seconds is not None)
        limits = await self._topics.limits(feed.topic)
        if limits.is_compacted:
            raise BadRequest(keyless(f"the topic `{feed.topic}` takes none of these events"))
        if len(documents) > 1:
            # One document alone is the broker's to judge, after compression. Of several none must be stored when one
            # cannot be, so each has to fit as it is.
            check_sizes(documents, limits.batch_bytes)
        try:
            delivered = await self._producer.produce(feed.topic, documents, limit=limits.batch_bytes)
        except DocumentTooLarge as error:
            # What we know of the topic may be older than its limit.
            now = await self._topics.limits(feed.topic, is_fresh=True)
            raise DocumentTooLarge(
                error.number, error.size, stored=error.stored, limit=_most(now.batch_bytes, error.size)
            ) from error
        if wait_seconds is None:
            return Taken(len(documents))
        wanted = {partition: max(numbers) + 1 for partition, numbers in delivered.offsets.items()}
        if not await self._watcher.wait(feed.group_id, feed.topic, wanted, wait_seconds):
            return Taken(len(documents))
        return await self._look_up(feed, documents, delivered)

    async def _look_up(self, feed: Feed, documents: Sequence[bytes], delivered: Delivered) -> Taken:
        """What of these documents, whose rows are in ClickHouse, is in quarantine."""
        quarantined, found = 0, dict[str, Reasons]()
        for queries in quarantine_queries(feed, delivered):
            count = await self._count_rows(queries.count)
            quarantined += count
            if count:
                try:
                    found |= read_errors(await self._read_rows(queries.errors))
                except RequestError as error:
                    # The events are stored: whoever was told otherwise would send them again.
                    logger.warning("cannot read why events are in quarantine", extra={"fields": {"error": str(error)}})
        errors: Sequence[DocumentError] = ()
        if found:
            is_small = sum(map(len, documents)) <= _INLINE_BYTES
            errors = (
                name_documents(documents, found)
                if is_small
                else await asyncio.to_thread(name_documents, documents, found)
            )
        return Taken(len(documents), quarantined, is_stored=True, errors=errors)


def check_sizes(documents: Sequence[bytes], limit: int) -> None:
    """Raise `DocumentTooLarge` that names the first document over the limit of a batch in which it is alone."""
    most = limit - _overhead(limit)
    if max(map(len, documents)) <= most:
        return
    for number, document in enumerate(documents, start=1):
        if len(document) > most:
            raise DocumentTooLarge(number, len(document), stored=0, limit=most)


def _most(limit: int, size: int) -> int | None:
    """The largest document that a topic of that limit takes, None when the broker does not tell us the real one."""
    most = limit - _overhead(limit)
    return most if size > most else None


def _overhead(size: int) -> int:
    """What Kafka counts beside the value of a message that is alone in its batch: the batch's head (61 bytes), the
    lengths of record and value as variable-length numbers, and five more (its protocol guide, "Record Batch")."""
    length = max(1, -(-(2 * size).bit_length() // 7))
    return 61 + 2 * length + 5
