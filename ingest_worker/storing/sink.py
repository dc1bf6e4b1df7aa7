"""One insert into a landing table, and how it ended."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.compression import get_compressor
from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from ingest_worker.storing.batch import Batch
from ingest_worker.storing.broken_view import BrokenView, broken_view_of, missing_of, missing_target_of
from ingest_worker.storing.outcomes import Outcome, Refused, Stored, Swallowed, Unanswered
from schemas.mapping.landing import Landing
from schemas.own_names import OFFSET, PARTITION, TABLES_A_MESSAGE, TOPIC, TOPIC_ID, quarantine_table, views
from schemas.sql.text import qualified
from service.clickhouse.codes import Code
from service.clickhouse.failures import CANNOT_BE_REACHED, connection_failure

QUERY_PREFIX = "birdhouse-ingest"
"""How a worker's inserts are recognised in `system.processes`: query ids start with it and the data source's name."""

_CONSTRAINT = re.compile(r"Constraint `([^`]+)` for table")
_LONGEST_MESSAGE = 300  # characters: an error may quote a row

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Messages of one batch that are in quarantine, and how many of them each column was wrong in."""

    rows: int
    by_column: Mapping[str, int]


class Sink:
    """Inserts batches of one data source, one at a time. Not for use by two threads.

    After any error the client is closed and a new one taken from `connect`: an embedded engine's client that saw an
    error must not be used again (its next answer may be the failed query's), and for a server it costs nothing.
    """

    def __init__(self, connect: Callable[[], Client], database: str, landing: Landing, insert_seconds: float) -> None:
        self._connect = connect
        self._database = database
        self._landing = landing
        self._insert_seconds = insert_seconds
        self._client: Client | None = None

    def insert(self, batch: Batch, fence_key: str, owner: int) -> Outcome:
        """Send the batch under its token; sending it again is harmless."""
        origin = batch.origin
        query_id = query_prefix(origin.data_source, origin.partition, is_replay=origin.replay != 0)
        query_id += secrets.token_hex(8)
        started = time.monotonic()
        try:
            client = self._client_now()
            summary = client.raw_insert(
                # Qualified here: the client takes a name with a dot in it for one that names its database already.
                qualified(self._database, self._landing.table),
                column_names=[name for name, _ in self._landing.columns],
                # A generator, which the client does not send again by itself after a connection was reset.
                insert_block=_compressed(batch.block(self._landing, fence_key, owner), client.write_compression),
                fmt="Native",
                compression=client.write_compression,
                settings={
                    "query_id": query_id,
                    "async_insert": 0,  # on by default since 26.3: it would acknowledge and merge with others' inserts
                    "deduplicate_insert": "enable",  # insert_deduplicate does nothing beside it (26.9)
                    "insert_deduplication_token": batch.token,
                    "session_timezone": "UTC",
                    "max_execution_time": self._insert_seconds,
                },
            )
        except Exception as error:
            # Whatever goes wrong on the way is an outcome: the batch is still there and will be sent again.
            self.close()
            return self._refused(error, origin.data_source)
        written = summary.summary.get("written_rows")
        # Fewer where the first of the mapping's views is missing; it looks for the others. The embedded engine, which
        # tells no `read_rows`, counts the first table alone: nobody else can take a view away there.
        if written is not None and "read_rows" in summary.summary and int(written) < batch.rows * TABLES_A_MESSAGE:
            return Swallowed(int(written))
        return Stored(time.monotonic() - started, query_id)

    def _refused(self, error: Exception, data_source: str) -> Outcome:
        outcome = outcome_of(error, views(data_source))
        target = missing_target_of(str(error))
        if not isinstance(outcome, Refused) or not target:
            return outcome
        view, said = self._view_into(target), f"its target `{target}` is not there"
        return replace(outcome, view=view, message=str(BrokenView(view, said)) if view else f"a view fails: {said}")

    def _view_into(self, target: str) -> str | None:
        """The view whose target is gone, which ClickHouse does not say."""
        try:
            found = self._client_now().query(
                "SELECT name FROM system.tables WHERE database = {database:String} AND target_database = database"
                " AND target_table = {target:String} ORDER BY name LIMIT 1",
                parameters={"database": self._database, "target": target},
            )
        except Exception as error:
            logger.debug("view not looked up", extra={"fields": {"error": short_message(error)}})
            self.close()
            return None
        return str(found.result_rows[0][0]) if found.result_rows else None

    def count_quarantined(self, batch: Batch) -> Quarantined | None:
        """What of a stored batch is in quarantine; None when ClickHouse does not say."""
        origin = batch.origin
        try:
            result = self._client_now().query(
                "SELECT c__error_column, count() FROM {database:Identifier}.{quarantine:Identifier}"
                f" WHERE {TOPIC} = {{topic:String}} AND {TOPIC_ID} = {{topic_id:String}}"
                f" AND {PARTITION} = {{partition:Int32}} AND {OFFSET} BETWEEN {{first:Int64}} AND {{last:Int64}}"
                " GROUP BY ALL",
                parameters={
                    "database": self._database,
                    "quarantine": quarantine_table(origin.data_source),
                    "topic": origin.topic,
                    # A topic that was made again has the same offsets once more.
                    "topic_id": origin.topic_id,
                    "partition": origin.partition,
                    "first": batch.first_offset,
                    "last": batch.last_offset,
                },
            )
            by_column: Counter[str] = Counter()
            for columns, count in result.result_rows:
                by_column.update(dict.fromkeys(columns, int(count)))
            rows = sum(int(count) for _, count in result.result_rows)
        except Exception as error:
            logger.debug("quarantine not counted", extra={"fields": {"error": short_message(error)}})
            self.close()
            return None
        # More than was sent is no count of it (a mapping that was replaced half-way leaves rows in both tables).
        return Quarantined(rows, by_column) if rows <= batch.rows else None

    def close(self) -> None:
        if self._client is not None:
            with suppress(Exception):
                self._client.close()
            self._client = None

    def _client_now(self) -> Client:
        if self._client is None:
            self._client = self._connect()
        return self._client


def _compressed(parts: Iterator[bytes | bytearray], method: str | None) -> Generator[bytes, None, None]:
    """The parts as the client has agreed on with the server; None: as they are."""
    compressor: Any = get_compressor(method)
    for part in parts:
        yield compressor.compress_block(part)
    yield compressor.flush() or b""


def query_prefix(data_source: str, partition: int, *, is_replay: bool = False) -> str:
    """What the ids of all inserts of one partition for one data source begin with; or of those of replays alone."""
    return f"{QUERY_PREFIX}-{data_source}-{partition}-" + ("replay-" if is_replay else "")


def outcome_of(error: Exception, mapping_views: Collection[str] = ()) -> Outcome:
    """What an exception of the client says about the insert, which went through these views of its mapping."""
    if isinstance(error, Error) and error.code is not None:
        return _refusal(error, error.code, mapping_views)
    if isinstance(error, ClickHouseError):
        return Unanswered(_unreached(error))
    if isinstance(error, OSError):
        return Unanswered(short_message(error))
    return Unanswered(f"{type(error).__name__}: {short_message(error)}")


def _refusal(error: Error, code: int, mapping_views: Collection[str]) -> Refused:
    text, name = str(error), error.name or ""
    if code == Code.UNKNOWN_TABLE and (missing := missing_of(text, mapping_views)):
        message = f"the mapping view `{missing}` is missing: `birdhouse deploy` makes the mapping anew"
        return Refused(code, name, message, missing_view=missing)
    if (view := broken_view_of(text)) is not None:
        return Refused(code, name, shortened(str(view)), view=view.name)
    constraint = _CONSTRAINT.search(text)
    return Refused(code, name, short_message(error), constraint[1] if constraint else None)


def _unreached(error: ClickHouseError) -> str:
    told, found = short_message(error), connection_failure(error)
    return told if found is None or told.startswith("ClickHouse ") else f"ClickHouse {CANNOT_BE_REACHED}: {found[0]}"


def short_message(error: BaseException) -> str:
    """An error's text on one line, cut."""
    return shortened(str(error))


def shortened(text: str) -> str:
    """A text on one line, cut."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
