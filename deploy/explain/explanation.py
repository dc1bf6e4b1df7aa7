"""What a pipe asks ClickHouse for a caller's parameters, and how much would be read for it."""

from __future__ import annotations

import asyncio
import difflib
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Self

from deploy.embedded.engine import STORE_FOLDER, EmbeddedEngine
from deploy.embedded.executor import EmbeddedExecutor
from deploy.errors import ExplainError, FolderInUseError, UnknownPipeError
from deploy.explain.index_hints import MANY_ROWS, count, hint
from deploy.explain.lookups import Lookup, find_lookups
from deploy.settings import RunSettings
from query_api.engine.clickhouse_http import ClickHouseServer, HttpExecutor
from query_api.engine.database_errors import without_secrets
from query_api.engine.execute import Answer, Executor
from query_api.engine.limits import Limits
from query_api.errors import QueryRefused, RequestError
from query_api.web.read_parameters import Items, read_parameters
from query_api.web.sql_request import template_parameters
from schemas.model import Project
from schemas.queries.catalog import Catalog
from schemas.queries.query import Query
from schemas.queries.secrets import SecretValues
from schemas.template.errors import TemplateError

# What each of its questions may use: as much as an endpoint's query by default.
LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rendered query and its settings, those of the parameters among them. `secrets` are never shown."""

    query: Query
    secrets: SecretValues

    @property
    def parameters(self) -> dict[str, str]:
        """The bound values by name; one that holds a secret's value is hidden whole."""
        return {name: self.secrets.hide(text) for name, text in self.query.parameters.items()}

    def as_json(self) -> str:
        shown = {"sql": self.query.sql, "parameters": self.parameters, "settings": dict(self.query.settings)}
        return json.dumps(shown, ensure_ascii=False, indent=2)

    def render(self) -> str:
        """The SQL, the bound values and the settings for people, a heading above each."""
        values = [f"{name} = {text!r}" for name, text in self.parameters.items()]
        settings = [f"{name} = {value}" for name, value in self.query.settings.items()]
        sections = {"sql": [self.query.sql.strip()], "parameters": values, "settings": settings}
        return "\n\n".join("\n".join([f"-- {title}", *lines]) for title, lines in sections.items() if lines)


@dataclass(frozen=True, slots=True)
class Reading:
    """What would be read of one table."""

    database: str
    table: str
    parts: int
    rows: int
    marks: int

    @classmethod
    def of(cls, row: Mapping[str, str | int]) -> Self:
        counts = (int(row[name]) for name in ("parts", "rows", "marks"))
        return cls(str(row["database"]), str(row["table"]), *counts)


def explain(catalog: Catalog, pipe: str, parameters: Iterable[tuple[str, str]]) -> Explanation:
    """Render an endpoint as a request with these parameters would. Asks no server.

    Raises `UnknownPipeError`, and `ExplainError` with the text that the API would answer.
    """
    endpoint = catalog.endpoints.get(pipe)
    if endpoint is None:
        raise UnknownPipeError(*_unknown(catalog, pipe))
    try:
        given: Items = [*parameters]
        read = read_parameters([*given, *template_parameters(given)])
        query = endpoint.render(read.values)
    except RequestError as error:
        raise ExplainError(error.message) from error
    except TemplateError as error:
        raise ExplainError(_told(error)) from error
    return Explanation(replace(query, settings={**query.settings, **read.settings}), catalog.secrets)


def _unknown(catalog: Catalog, pipe: str) -> tuple[str, str]:
    if pipe in catalog.pipes:
        return f"the pipe `{pipe}` is no endpoint", "give one of its nodes the line `TYPE endpoint`"
    closest = difflib.get_close_matches(pipe, catalog.endpoints, 1)
    hint = f"did you mean `{closest[0]}`?" if closest else f"the endpoints are {', '.join(sorted(catalog.endpoints))}"
    return f"there is no pipe `{pipe}`", hint


def _told(error: TemplateError) -> str:
    if isinstance(error.body, Mapping):
        is_plain = set(error.body) == {"error"}
        return str(error.body["error"]) if is_plain else json.dumps(error.body, ensure_ascii=False, default=str)
    return error.body


@dataclass(frozen=True, slots=True)
class Examination:
    """What a query would read of each table, and what would spare it some of that (texts for people)."""

    readings: tuple[Reading, ...]
    hints: tuple[str, ...] = ()


def examine(explanation: Explanation, project: Project, settings: RunSettings) -> Examination:
    """What ClickHouse would read by its `EXPLAIN ESTIMATE`, and where that is much more than the query needs, what of
    it an index would spare: counted on the table, for which the query is run once.

    The configured server is asked, else the embedded engine's folder; nothing is changed. Raises `ServiceError`.
    """
    return asyncio.run(_examine(explanation, project, settings))


async def _examine(explanation: Explanation, project: Project, settings: RunSettings) -> Examination:
    async with _executor(settings) as executor:
        try:
            body = (await _ask(executor, explanation, f"EXPLAIN ESTIMATE {explanation.query.sql}")).body
        except RequestError as error:
            told = without_secrets(error, explanation.secrets) if isinstance(error, QueryRefused) else error
            raise ExplainError(f"ClickHouse cannot say what would be read: {told.message}") from None
        assert isinstance(body, bytes)  # a row for each table: nothing that would be streamed
        readings = tuple(Reading.of(json.loads(line)) for line in body.splitlines())
        lookups = find_lookups(explanation.query.sql, project.data_sources)
        if not lookups or sum(each.rows for each in readings) < MANY_ROWS:
            return Examination(readings)
        try:
            return Examination(readings, await _hints(executor, explanation, lookups))
        except RequestError as error:
            told = without_secrets(error, explanation.secrets) if isinstance(error, QueryRefused) else error
            return Examination(readings, (f"whether an index would help could not be counted: {told.message}",))


async def _hints(executor: Executor, explanation: Explanation, lookups: Sequence[Lookup]) -> tuple[str, ...]:
    rows_read = (await _ask(executor, explanation, explanation.query.sql, format="Null")).summary.rows_read

    async def ask(sql: str) -> bytes:
        body = (await _ask(executor, explanation, sql)).body
        assert isinstance(body, bytes)  # one row
        return body

    told = [hint(lookup, await count(lookup, ask), rows_read) for lookup in lookups]
    return tuple(filter(None, told))


async def _ask(executor: Executor, explanation: Explanation, sql: str, *, format: str = "JSONEachRow") -> Answer:
    return await executor.execute(
        replace(explanation.query, sql=sql, settings={}),
        format=format,
        query_id="",
        limits=LIMITS,
        settings={**explanation.query.settings, "output_format_json_quote_64bit_integers": "0"},
    )


@asynccontextmanager
async def _executor(settings: RunSettings) -> AsyncIterator[Executor]:
    if settings.clickhouse_url is not None:
        executor: Executor = HttpExecutor(ClickHouseServer.of(settings), connections=1)
        try:
            yield executor
        finally:
            await executor.close()
        return
    with _engine(settings) as engine:
        executor = EmbeddedExecutor(engine.handle, database=settings.clickhouse_database, threads=1)
        try:
            yield executor
        finally:
            await executor.close()


def _engine(settings: RunSettings) -> EmbeddedEngine:
    folder = settings.birdhouse_data
    if not (folder / STORE_FOLDER).is_dir():
        raise ExplainError(
            f"nothing is deployed in `{folder}` yet", "`birdhouse deploy` puts the project's tables there"
        )
    return _QuietEngine(folder)


class _QuietEngine(EmbeddedEngine):
    """The engine of a folder that may be in use: its hint knows what else can be done."""

    def start(self) -> None:
        try:
            super().start()
        except FolderInUseError as error:
            hint = "`--format json` needs no engine; or ask again when that `birdhouse run` has stopped"
            raise FolderInUseError(error.message, hint) from None


def render_readings(readings: Sequence[Reading]) -> str:
    """The estimate for people: a line for each table."""
    if not readings:
        return "-- would be read\nno stored rows"
    lines = [
        f"{each.table}: {_count(each.rows, 'row')} in {_count(each.parts, 'part')}, {_count(each.marks, 'mark')}"
        for each in readings
    ]
    return "\n".join(["-- would be read", *lines])


def render_hints(hints: Sequence[str]) -> str:
    """The hints for people, below a heading; empty without any."""
    return "\n\n".join(["\n-- could be spared\n" + hints[0], *hints[1:]]) if hints else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
