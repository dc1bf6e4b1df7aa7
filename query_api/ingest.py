"""Takes documents for a data source: to its topic, and on request waits until their rows are in ClickHouse."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from query_api.committed import CommitWatcher
from query_api.delivery import Delivered, keyless
from query_api.errors import BadRequest, DocumentTooLarge, NotFound
from query_api.ids import names_by_id
from query_api.producer import EventProducer
from query_api.query import Query
from query_api.topics import Topics
from schemas.feed import Feed

# Each bound array must stay below 128 KiB of text; an offset has at most 19 digits.
_RUNS_PER_QUERY = 5_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the documents of a request. Rows are counted only where `is_stored`."""

    documents: int
    quarantined: int = 0
    is_stored: bool = False


class CountRows(Protocol):
    """Asks ClickHouse a question whose answer is one number."""

    async def __call__(self, query: Query) -> int: ...


class EventIngest:
    """The Events API without HTTP."""

    def __init__(
        self,
        feeds: Mapping[str, Feed],
        known: Collection[str],
        producer: EventProducer,
        topics: Topics,
        watcher: CommitWatcher,
        count_rows: CountRows,
    ) -> None:
        """`feeds` by data source; `known` are all data sources, also those that take no events."""
        self._feeds = feeds
        self._known = known
        self._names = names_by_id(known)
        self._producer = producer
        self._topics = topics
        self._watcher = watcher
        self._count_rows = count_rows

    def feed(self, data_source: str) -> Feed:
        """The feed of a data source, by its name or id. Raises `NotFound`."""
        data_source = self._names.get(data_source, data_source)
        feed = self._feeds.get(data_source)
        if feed is not None:
            return feed
        if data_source in self._known:
            raise NotFound(
                f"the data source `{data_source}` takes no events\nhint: its columns have no JSONPaths to fill them by"
            )
        raise NotFound(f"the data source `{data_source}` does not exist")

    async def take(self, feed: Feed, documents: Sequence[bytes], *, wait_seconds: float | None) -> Taken:
        """Write documents to the feed's topic; with `wait_seconds`, wait at most so long for their rows.

        When that time is over the documents are safe in Kafka all the same, so it is no error: `is_stored` is False.
        Raises `Unavailable`, `TooLarge`, `BadRequest` for a topic that takes no events without a key.
        """
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
        counts = [await self._count_rows(query) for query in quarantine_queries(feed, delivered)]
        return Taken(len(documents), sum(counts), is_stored=True)


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


def quarantine_queries(feed: Feed, delivered: Delivered) -> list[Query]:
    """Queries whose numbers add up to how many of the messages at these offsets are in quarantine.

    A message that was inserted twice counts once. Offsets are sent as runs without gaps: other producers write to the
    same topic, so the lowest and highest alone would count their rows too. The time is asked for as well: a topic that
    was made again, as the embedded broker's is at each start, has the same offsets once more.
    """
    runs = [
        (partition, *run) for partition, numbers in sorted(delivered.offsets.items()) for run in _runs(sorted(numbers))
    ]
    return [
        _quarantine_query(feed, delivered.earliest, runs[at : at + _RUNS_PER_QUERY])
        for at in range(0, len(runs), _RUNS_PER_QUERY)
    ]


def _quarantine_query(feed: Feed, earliest: int, runs: Sequence[tuple[int, int, int]]) -> Query:
    partitions, firsts, lasts = zip(*runs, strict=True)
    return Query(
        "SELECT uniqExact(__partition, __offset) FROM {quarantine:Identifier} WHERE __topic = {topic:String} "
        "AND __timestamp >= fromUnixTimestamp64Milli({earliest:Int64}) "
        "AND __offset BETWEEN {lowest:Int64} AND {highest:Int64} "
        "AND arrayExists((partition, first, last) -> __partition = partition AND __offset BETWEEN first AND last, "
        "{partitions:Array(Int32)}, {firsts:Array(Int64)}, {lasts:Array(Int64)})",
        {
            "quarantine": f"{feed.data_source}_quarantine",
            "topic": feed.topic,
            "earliest": str(earliest),
            "lowest": str(min(firsts)),
            "highest": str(max(lasts)),
            "partitions": _array(partitions),
            "firsts": _array(firsts),
            "lasts": _array(lasts),
        },
    )


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] + 1 == number:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _array(numbers: Iterable[int]) -> str:
    return f"[{','.join(map(str, numbers))}]"
