"""What a pipe asks ClickHouse for a caller's parameters, and how much would be read for it."""

from __future__ import annotations

import asyncio
import difflib
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from deploy.embedded.engine import STORE_FOLDER, EmbeddedEngine
from deploy.embedded.executor import EmbeddedExecutor
from deploy.errors import ExplainError, FolderInUseError, UnknownPipeError
from deploy.explain.index_hints import MANY_ROWS, count, hint
from deploy.explain.lookups import Lookup, find_lookups
from deploy.settings import RunSettings
from query_api.access.auth import ADMIN, AccessToken
from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.database_errors import without_secrets
from query_api.engine.execute import Answer, Executor
from query_api.engine.limits import Limits
from query_api.errors import QueryRefused, RequestError
from query_api.questions.explanation import ESTIMATE, Explanation, Reading
from schemas.model import Project
from schemas.queries.catalog import Catalog
from schemas.template.errors import TemplateError

# What each of its questions may use: as much as an endpoint's query by default.
LIMITS = Limits()
# Whoever has the files may ask everything.
_ADMIN = AccessToken(ADMIN, is_admin=True)


def explain(
    catalog: Catalog, pipe: str, parameters: Iterable[tuple[str, str]], *, cache_seconds: int = 0
) -> Explanation:
    """Render an endpoint as a request with these parameters would. Asks no server.

    Answers are kept `cache_seconds` where neither template nor pipe says it.
    Raises `UnknownPipeError`, and `ExplainError` with the text that the API would answer.
    """
    endpoint = catalog.endpoints.get(pipe)
    if endpoint is None:
        raise UnknownPipeError(*_unknown(catalog, pipe))
    try:
        found = Explanation.of(endpoint, [*parameters], _ADMIN, catalog.secrets, cache_seconds)
    except RequestError as error:
        raise ExplainError(error.message) from error
    except TemplateError as error:
        raise ExplainError(_told(error)) from error
    # Who asks by hand sees the settings of the parameters too.
    return replace(found, query=replace(found.query, settings={**found.query.settings, **found.settings}))


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
            body = await _whole(executor, explanation, ESTIMATE + explanation.query.sql)
        except RequestError as error:
            told = without_secrets(error, explanation.secrets) if isinstance(error, QueryRefused) else error
            raise ExplainError(f"ClickHouse cannot say what would be read: {told.message}") from None
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

    ask = partial(_whole, executor, explanation)
    told = [hint(lookup, await count(lookup, ask), rows_read) for lookup in lookups]
    return tuple(filter(None, told))


async def _whole(executor: Executor, explanation: Explanation, sql: str) -> bytes:
    return await (await _ask(executor, explanation, sql)).whole()


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
    folder = settings.data
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


def as_json(explanation: Explanation) -> str:
    return json.dumps(explanation.shown(), ensure_ascii=False, indent=2)


def render(explanation: Explanation) -> str:
    """The SQL, the bound values, the settings and the cache time for people, a heading above each."""
    query = explanation.query
    values = [f"{name} = {text!r}" for name, text in explanation.parameters.items()]
    settings = [f"{name} = {value}" for name, value in query.settings.items()]
    kept = [f"the answer is kept for {explanation.cache_seconds} s"] if explanation.cache_seconds else []
    sections = {"sql": [query.sql.strip()], "parameters": values, "settings": settings, "cache": kept}
    return "\n\n".join("\n".join([f"-- {title}", *lines]) for title, lines in sections.items() if lines)


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
