"""Answers the query API's questions from the embedded engine, under the same limits as a server's HTTP interface."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Final
from uuid import uuid4

from query_api.engine.database_errors import request_error
from query_api.engine.execute import Answer, Summary, checked_values
from query_api.engine.limits import Limits, query_settings
from query_api.engine.time_limit import time_limit
from query_api.errors import BadRequest, Unavailable
from schemas.queries.query import Query
from schemas.sql.text import identifier, literal

# Queries that run at the same moment. Each uses threads of the engine's own, as many as there are cores.
THREADS: Final = 8
# A query that was told to end may not have begun yet, or not look for a while: all of them are told again at these
# intervals (seconds, the first and the longest) until they are gone.
KILL_INTERVAL: Final = 0.02
LONGEST_KILL_INTERVAL: Final = 0.5

_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

OpenHandle = Callable[[], Any]


class EmbeddedExecutor:
    """An `Executor` on handles that `open_handle` opens.

    Each query has a handle of its own, closed after it: chDB may answer on a handle with what was left of an
    earlier query that failed half-way, which would be another caller's data. That costs a millisecond.
    """

    def __init__(self, open_handle: OpenHandle, *, database: str, threads: int = THREADS) -> None:
        self._open_handle = open_handle
        self._database = database
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="query")
        self._killers = ThreadPoolExecutor(1, thread_name_prefix="kill")
        self._running: set[_Running] = set()
        self._ends: set[asyncio.Future[None]] = set()

    async def execute(
        self, query: Query, *, format: str, query_id: str, limits: Limits, settings: Mapping[str, str]
    ) -> Answer:
        """As `Executor.execute`; the answer is always complete. The id goes to `log_comment`: chDB has none."""
        values = checked_values(query)
        running = _Running(f"{query_id} {uuid4()}")
        layered = query_settings(limits, query.settings, settings) | {"log_comment": running.mark}
        run = asyncio.get_running_loop().run_in_executor(
            self._workers, self._run, query.sql, values, format, layered, limits, running
        )
        async with time_limit(limits):
            try:
                return await asyncio.shield(run)
            except asyncio.CancelledError:
                # The kill outlives this cancelled task; whatever the query still answers is dropped with its handle.
                run.add_done_callback(_consume)
                self._end(running)
                raise

    async def ping(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._workers, self._ask, "SELECT 1")
        except RuntimeError as error:
            raise Unavailable(f"the embedded engine does not answer: {error}") from error

    async def close(self) -> None:
        """End the queries that still run and wait for their threads."""
        for running in tuple(self._running):
            self._end(running)
        await asyncio.gather(*self._ends, return_exceptions=True)
        await asyncio.to_thread(self._workers.shutdown)
        await asyncio.to_thread(self._killers.shutdown)

    def _run(
        self,
        sql: str,
        values: dict[str, str],
        format: str,
        settings: Mapping[str, str],
        limits: Limits,
        running: _Running,
    ) -> Answer:
        with self._begun(running), self._handle() as handle:
            try:
                handle.query(f"USE {identifier(self._database)}", "TabSeparated")
                handle.query(_set_statement(settings), "TabSeparated")
                # Last: from here on this handle changes neither data nor this. 2 lets a query's own SETTINGS be.
                handle.query("SET readonly = 2", "TabSeparated")
                result = handle.query(sql, format, params=values)
                return Answer(result.bytes() or b"", Summary(result.storage_rows_read(), result.storage_bytes_read()))
            except RuntimeError as error:  # chDB's own class derives from it; what it says before the code is its own
                text = str(error)
                raise request_error(text[max(text.find("Code: "), 0) :], limits) from error

    @contextmanager
    def _begun(self, running: _Running) -> Iterator[None]:
        self._running.add(running)
        running.has_begun.set()
        try:
            # Looked at after `has_begun` is set, and set before that is looked at: one of the two sees the other.
            if running.is_unwanted.is_set():
                raise Unavailable("the caller left before the query began")
            yield
        finally:
            running.is_done.set()
            self._running.discard(running)

    def _end(self, running: _Running) -> None:
        running.is_unwanted.set()
        end = asyncio.get_running_loop().run_in_executor(self._killers, self._kill, running)
        self._ends.add(end)
        end.add_done_callback(self._ends.discard)

    def _kill(self, running: _Running) -> None:
        interval = KILL_INTERVAL
        while running.has_begun.is_set() and not running.is_done.is_set():
            # All at once: one that is not interrupted for seconds must not keep the others waiting.
            marks = (literal(each.mark) for each in tuple(self._running) if each.is_unwanted.is_set())
            with suppress(RuntimeError):
                self._ask(f"KILL QUERY WHERE Settings['log_comment'] IN ({', '.join(marks)}) ASYNC")
            running.is_done.wait(interval)
            interval = min(interval * 2, LONGEST_KILL_INTERVAL)

    def _ask(self, statement: str) -> None:
        with self._handle() as handle:
            handle.query(statement, "TabSeparated")

    @contextmanager
    def _handle(self) -> Iterator[Any]:
        handle = self._open_handle()
        try:
            yield handle
        finally:
            handle.close()


class _Running:
    """One query between the event loop that awaits it and the thread that runs it."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.has_begun = threading.Event()
        self.is_unwanted = threading.Event()
        self.is_done = threading.Event()


def _set_statement(settings: Mapping[str, str]) -> str:
    for name in settings:
        if not _SETTING_NAME.fullmatch(name):
            raise BadRequest(f"`{name}` is no name of a ClickHouse setting")
    return "SET " + ", ".join(f"{name} = {literal(value)}" for name, value in settings.items())


def _consume(run: asyncio.Future[Answer]) -> None:
    """Look at the outcome nobody awaits any more, so that asyncio does not report it as forgotten."""
    if not run.cancelled():
        run.exception()
