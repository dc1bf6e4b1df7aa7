"""Asks ClickHouse about statements over a scratch database, and remembers what it said of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Protocol

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.queries.query import Query
from service.clickhouse.codes import Code
from service.clickhouse.project_settings import PROJECT_SETTINGS
from service.deployment.refusals import is_refusal
from service.deployment.scratch import scratch_database

SECONDS = 5
"""How long one statement may take: analysing runs its scalar sub-queries."""

EXPLAIN_AST = "EXPLAIN AST "
_SETTINGS = {**PROJECT_SETTINGS, "max_execution_time": str(SECONDS), "timeout_overflow_mode": "throw"}
_OWN_LIMITS = (Code.TIMEOUT_EXCEEDED, Code.MEMORY_LIMIT_EXCEEDED)


@dataclass(frozen=True, slots=True)
class Answer:
    """What ClickHouse said: rows of text, or why it refuses (`code` is 0 where it does not)."""

    rows: tuple[tuple[str, ...], ...] = ()
    code: int = 0
    reason: str = ""

    @property
    def is_refused(self) -> bool:
        return self.code != 0


class Table(Protocol):
    """What can be made in a scratch database, after what it `needs`. Tables of one `identity` are made of the same."""

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> str: ...

    @property
    def needs(self) -> Sequence[Table]: ...

    def ddl(self, database: str) -> str: ...


@dataclass(slots=True)
class Answers:
    """What was said so far, by the statement and the tables that it can see. It outlives the scratch databases: a
    project of which one file has changed is asked about that file alone."""

    connect: Callable[[], Client]
    database: str
    _known: dict[str, Answer] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def open(self) -> Asking:
        return Asking(self, self._known, self._asked)

    def forget_unasked(self) -> None:
        """Forget what was not asked since the last time."""
        for key in self._known.keys() - self._asked:
            del self._known[key]
        self._asked.clear()


class Asking:
    """One round of questions. Its scratch database is made with the first that is not known, and dropped at the end."""

    def __init__(self, answers: Answers, known: dict[str, Answer], asked: set[str]) -> None:
        self._answers = answers
        self._known = known
        self._asked = asked
        self._stack = ExitStack()
        self._client: Client | None = None
        self._scratch = ""
        self._made: dict[str, str] = {}

    def __enter__(self) -> Asking:
        return self

    def __exit__(self, *_: object) -> None:
        # A handle of the embedded engine that saw an error is good for nothing more.
        if self._scratch:
            self._stack.close()

    def parse(self, query: Query) -> Answer:
        """Have a statement read, no more: the position of a syntax error is one in `EXPLAIN AST` and the text."""
        return self._remembered(key_of(EXPLAIN_AST, query.sql), lambda: self._send(f"{EXPLAIN_AST}{query.sql}", query))

    def make(self, table: Table) -> Answer:
        """Try a table: refused for what ClickHouse does not take. Raises what the client raises for a server that does
        not answer."""
        return self._remembered(key_of("make", table.identity), lambda: self._make(table))

    def ask(self, question: str, query: Query, tables: Iterable[Table]) -> Answer:
        """`EXPLAIN …` or `DESCRIBE (…)` of a query that can see these tables, all of which can be made."""
        seen = sorted(tables, key=lambda table: table.name)
        key = key_of(question, *_parts(query.parameters), *_parts(query.settings), *(table.identity for table in seen))

        def make_and_send() -> Answer:
            for table in seen:
                self._make(table)
            return self._send(question, query, format="JSONCompactEachRow")

        return self._remembered(key, make_and_send)

    def _remembered(self, key: str, find_out: Callable[[], Answer]) -> Answer:
        self._asked.add(key)
        if key not in self._known:
            self._known[key] = find_out()
        return self._known[key]

    def _make(self, table: Table) -> Answer:
        if self._made.get(table.name) == table.identity:
            return Answer()
        for needed in table.needs:
            self._make(needed)
        self._connected()
        answer = self._send(table.ddl(self._scratch), Query(""))
        if not answer.is_refused:
            self._made[table.name] = table.identity
        return answer

    def _send(self, statement: str, query: Query, *, format: str | None = None) -> Answer:
        client = self._connected()
        parameters = {
            name: _Verbatim(text) if name in query.verbatim else text for name, text in query.parameters.items()
        }
        own = {name: value for name, value in query.settings.items() if name not in _SETTINGS}
        try:
            found = client.raw_query(statement, parameters=parameters, settings=own, fmt=format)
        except DatabaseError as error:
            self._disconnect()
            if not is_refusal(error) and error.code not in _OWN_LIMITS:
                raise
            return Answer((), error.code or 0, str(error))
        return Answer(tuple(tuple(map(str, json.loads(line))) for line in found.splitlines()) if format else ())

    def _connected(self) -> Client:
        if not self._scratch:
            # A client of its own: it drops the database, whatever became of the one that asks.
            keeper = self._stack.enter_context(closing(self._answers.connect()))
            self._scratch = self._stack.enter_context(scratch_database(keeper, self._answers.database))
            self._stack.callback(self._disconnect)
        if self._client is None:
            self._client = self._answers.connect()
            self._client.database = self._scratch
            # Once: with each statement the embedded engine would be asked for the former value and given it back.
            for name, value in _SETTINGS.items():
                self._client.set_client_setting(name, value)
        return self._client

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class _Verbatim:
    """A value that must be sent without escapes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def _parts(texts: Mapping[str, str]) -> list[str]:
    return [f"{name}={text}" for name, text in sorted(texts.items())]


def key_of(*parts: str) -> str:
    """A name for exactly these texts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
