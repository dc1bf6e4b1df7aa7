"""Puts fixtures into the tables of a project: events through the data source's own mapping, other rows by column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.errors import FixtureError
from ingest_worker.storing.batch import Batch, BatchBuilder, Limits, Origin
from ingest_worker.storing.fence.ownership import Claim, new_owner, take_ownership
from ingest_worker.storing.messages import Run
from ingest_worker.storing.outcomes import Stored, Swallowed
from ingest_worker.storing.sink import Sink
from schemas.cases.clock import at_moment
from schemas.cases.csv_head import CsvHead, csv_head
from schemas.cases.fixtures import Fixture
from schemas.feed import Feed, feed_of
from schemas.mapping.landing import fence_key, landing_of
from schemas.model import DataSource, Place, Problem
from schemas.own_names import OFFSET, TOPIC, TOPIC_ID, quarantine_table
from schemas.sql.text import identifier, qualified
from schemas.sql.tokens import SqlTextError, statement_tokens
from service.clickhouse.connect import reason_of

_TOPIC_ID = "fixture"
_GROUP = "birdhouse fixtures"
_LIMITS = Limits(rows=20_000, payload_bytes=32 * 1024 * 1024, seconds=0.0)
_INSERT_SECONDS = 120.0
_MOST_BAD_ROWS = 20
# Of what is inserted by column and of what an `.sql` selects: whatever of a file cannot be taken is an error.
_SETTINGS: dict[str, Any] = {
    "session_timezone": "UTC",
    "async_insert": 0,
    "deduplicate_insert": "disable",
    # Days of many months are usual in a fixture.
    "max_partitions_per_insert_block": 0,
    "date_time_input_format": "best_effort",
    "input_format_skip_unknown_fields": 0,
    "output_format_json_quote_64bit_integers": 0,
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a fixture: how many rows or events were loaded, and which of them went to quarantine."""

    rows: int
    problems: tuple[Problem, ...] = ()


class FixtureLoader:
    """Loads fixtures into a database that the project is deployed in. `moment` is when that happens, as events and an
    `.sql` see it; None: now."""

    def __init__(self, connect: Callable[[], Client], database: str, moment: datetime | None = None) -> None:
        self._connect = connect
        self._database = database
        self._moment = moment

    def load(self, data_source: DataSource, fixture: Fixture) -> Loaded:
        """Raises `FixtureError` for what cannot be loaded, and what clients raise for a server that does not answer."""
        feed = feed_of(data_source)
        if fixture.kind == "csv":
            return self._load_csv(data_source, fixture)
        if fixture.kind == "sql":
            return self._load_select(data_source, fixture, feed)
        if feed is None:
            return self._insert(data_source, fixture, "JSONEachRow", fixture.path.read_bytes())
        lines = fixture.path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
        return self._load_events(feed, fixture, enumerate(lines, 1))

    def _load_events(self, feed: Feed, fixture: Fixture, lines: Iterable[tuple[int, bytes]]) -> Loaded:
        """Each as a message whose offset is its line."""
        origin = Origin(feed.data_source, fixture.file, _TOPIC_ID, 0)
        key = fence_key(feed.data_source, _TOPIC_ID, 0)
        owner = new_owner(_GROUP)
        with closing(self._connect()) as client:
            take_ownership(client, self._database, Claim((key,), owner))
        sink = Sink(self._connect, self._database, landing_of(feed), _INSERT_SECONDS)
        rows = 0
        try:
            for batch in _batches(feed, fixture, origin, lines, self._moment or datetime.now(UTC)):
                outcome = sink.insert(batch, key, owner)
                if isinstance(outcome, Swallowed):
                    raise FixtureError(fixture.file, "a view behind the landing table is missing")
                if not isinstance(outcome, Stored):
                    raise FixtureError(fixture.file, outcome.message)
                rows += batch.rows
        finally:
            sink.close()
        return Loaded(rows, tuple(self._quarantined(fixture)) if rows else ())

    def _quarantined(self, fixture: Fixture) -> Iterator[Problem]:
        table = qualified(self._database, quarantine_table(fixture.data_source))
        with closing(self._connect()) as client:
            found = client.query(
                f"SELECT {OFFSET}, c__error_column, c__error, count() OVER () FROM {table}"
                f" WHERE {TOPIC} = {{topic:String}} AND {TOPIC_ID} = {{id:String}}"
                f" ORDER BY {OFFSET} LIMIT {_MOST_BAD_ROWS}",
                parameters={"topic": fixture.file, "id": _TOPIC_ID},
            ).result_rows
        for line, columns, reasons, _ in found:
            said = "; ".join(f"`{column}`: {reason}" for column, reason in zip(columns, reasons, strict=False))
            place = Place(fixture.file, int(line) if fixture.kind == "ndjson" else 1)
            yield Problem(place, f"the event is in quarantine: {said or 'it is no JSON object'}", severity="warning")
        if found and found[0][3] > _MOST_BAD_ROWS:
            text = f"{found[0][3] - _MOST_BAD_ROWS} more events of the file are in quarantine"
            yield Problem(Place(fixture.file), text, severity="warning")

    def _load_csv(self, data_source: DataSource, fixture: Fixture) -> Loaded:
        content = fixture.path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        names = [column.name for column in data_source.columns]
        head = csv_head(content, names)
        unknown = [name for name in head.columns if name not in names]
        if unknown:
            known = ", ".join(names)
            raise FixtureError(fixture.file, f"`{data_source.name}` has no column `{unknown[0]}`", f"it has {known}")
        if not head.columns and content.strip():
            raise FixtureError(
                fixture.file,
                f"its rows have {head.width} values, and `{data_source.name}` has {len(names)} columns",
                "begin the file with a line that names the columns",
            )
        return self._insert(data_source, fixture, "CSV", content[head.size :], head)

    def _load_select(self, data_source: DataSource, fixture: Fixture, feed: Feed | None) -> Loaded:
        sql = self._select(fixture)
        try:
            with closing(self._connect()) as client:
                client.database = self._database
                described = client.query(f"DESCRIBE ({sql}\n)", settings=_SETTINGS)
                names = [str(row[0]) for row in described.result_rows]
                if feed is not None and _are_events(data_source, names):
                    answer = client.raw_query(f"SELECT * FROM ({sql}\n)", fmt="JSONEachRow", settings=_SETTINGS)
                    return self._load_events(feed, fixture, enumerate(answer.split(b"\n"), 1))
                columns = _columns_of(data_source, fixture, names)
                client.command(
                    f"INSERT INTO {qualified(self._database, data_source.name)} ({', '.join(map(identifier, columns))})"
                    f" SELECT * FROM ({sql}\n)",
                    settings=_SETTINGS,
                )
                return Loaded(self._count(client, data_source))
        except ClickHouseError as error:
            raise FixtureError(fixture.file, reason_of(error)) from error

    def _select(self, fixture: Fixture) -> str:
        try:
            text = fixture.path.read_text()
            tokens = statement_tokens(text)
            sql = text[tokens[0].start : tokens[-1].end + 1]
            return sql if self._moment is None else at_moment(sql, self._moment).sql
        except UnicodeDecodeError:
            raise FixtureError(fixture.file, "the file is not UTF-8") from None
        except SqlTextError as error:
            raise FixtureError(fixture.file, str(error), error.hint or "an .sql fixture is one SELECT") from None

    def _insert(
        self, data_source: DataSource, fixture: Fixture, fmt: str, content: bytes, head: CsvHead | None = None
    ) -> Loaded:
        if not content.strip():
            return Loaded(0)
        delimiter = {"format_csv_delimiter": head.delimiter} if head is not None else {}
        try:
            with closing(self._connect()) as client:
                client.raw_insert(
                    qualified(self._database, data_source.name),
                    column_names=list(head.columns) if head is not None else None,
                    insert_block=content,
                    fmt=fmt,
                    settings=_SETTINGS | delimiter,
                )
                return Loaded(self._count(client, data_source))
        except ClickHouseError as error:
            raise FixtureError(fixture.file, reason_of(error)) from error

    def _count(self, client: Client, data_source: DataSource) -> int:
        """What the table holds now; a Null table holds nothing."""
        found = client.query(f"SELECT count() FROM {qualified(self._database, data_source.name)}")
        return int(found.result_rows[0][0])


def _batches(
    feed: Feed, fixture: Fixture, origin: Origin, lines: Iterable[tuple[int, bytes]], moment: datetime
) -> Iterator[Batch]:
    builder = BatchBuilder(0.0)
    sent_at = int(moment.timestamp() * 1000)
    for number, line in lines:
        value = line.strip()
        if not value:
            continue
        keys = (b"",) if feed.store_key else ()
        headers: tuple[dict[str, bytes], ...] = ({},) if feed.store_headers else ()
        builder.append(Run(fixture.file, 0, (value,), (number,), (sent_at,), keys, headers, len(value)))
        if builder.is_full(_LIMITS):
            yield builder.build(origin)
            builder = BatchBuilder(0.0)
    if builder.rows:
        yield builder.build(origin)


def _are_events(data_source: DataSource, names: Sequence[str]) -> bool:
    """Whether columns of these names are what the data source's JSONPaths begin with."""
    keys = {column.json_path.keys[0] for column in data_source.columns if column.json_path and column.json_path.keys}
    return set(names) <= keys or not set(names) <= {column.name for column in data_source.columns}


def _columns_of(data_source: DataSource, fixture: Fixture, names: Sequence[str]) -> Sequence[str]:
    """The columns that a SELECT fills: by its names, else by their order."""
    known = [column.name for column in data_source.columns]
    if set(names) <= set(known):
        return names
    if len(names) == len(known):
        return known
    unknown = next(name for name in names if name not in known)
    raise FixtureError(fixture.file, f"`{data_source.name}` has no column `{unknown}`", f"it has {', '.join(known)}")
