"""Looks at a deploy from outside: how long it holds a landing table closed, and from when to when it fills."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from bench.errors import BenchError
from schemas.own_names import STEPS_TABLE
from schemas.sql.text import literal, qualified
from schemas.tables.ddl.door import OPEN, recorded_owner

LOOK_SECONDS = 0.005
# What a deploy writes down first: `step of subject` (`service.deployment.cut.steps`).
_CUT, _FILLED = "cut of ", "ready of "


@dataclass
class Seen:
    """What some looks saw, with the moments of `time.monotonic` at which each began and ended.

    `closed` are the seconds of each time that the door was, at most: from the last look that found it open to the
    first that does again.
    """

    closed: list[float] = field(default_factory=list)
    cut_at: float | None = None
    filled_at: float | None = None
    _open_at: float | None = None
    _is_closed: bool = False

    def look(self, began: float, ended: float, owner: int, steps: frozenset[str] | None) -> None:
        """One look: who holds the door, and what is written down; None when there is nothing to write it in."""
        if owner != OPEN:
            self._is_closed = True
        else:
            if self._is_closed:
                self.closed.append(ended - (began if self._open_at is None else self._open_at))
            self._open_at, self._is_closed = began, False
        if self.cut_at is None and any(step.startswith(_CUT) for step in steps or ()):
            self.cut_at = began
        if self.cut_at is not None and self.filled_at is None:
            # All is forgotten at the end, which a slow look may see first.
            is_over = steps is None or any(step.startswith(_FILLED) for step in steps)
            self.filled_at = ended if is_over else None

    @property
    def fill_seconds(self) -> float:
        """From the cut to the last piece that was written down. Raises `BenchError` when no fill was seen."""
        if self.cut_at is None or self.filled_at is None:
            raise BenchError("the deploy made no cut and no fill that could be seen")
        return self.filled_at - self.cut_at


class CutWatch:
    """A thread that looks every few milliseconds, over a connection of its own, while the context lasts."""

    def __init__(self, client: Client, database: str, data_source: str) -> None:
        self._client = client
        self.seen = Seen()
        holder = recorded_owner(database, literal(data_source))
        has_steps = f"database = {literal(database)} AND name = {literal(STEPS_TABLE)}"
        self._sql = f"SELECT {holder}, (SELECT count() FROM system.tables WHERE {has_steps})"
        self._steps_sql = f"SELECT step FROM {qualified(database, STEPS_TABLE)}"
        self._over = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def _watch(self) -> None:
        try:
            while not self._over.wait(LOOK_SECONDS):
                self._look(self._rows)
        except Exception as error:  # told by the thread that waits
            self._error = error

    def _look(self, rows: Callable[[str], list[Any]]) -> None:
        began = time.monotonic()
        owner, has_steps = rows(self._sql)[0]
        ended = time.monotonic()
        steps: frozenset[str] | None = None
        if has_steps and self.seen.filled_at is None:
            # It may be dropped in between.
            with suppress(DatabaseError):
                steps = frozenset(str(row[0]) for row in rows(self._steps_sql))
        self.seen.look(began, ended, int(owner), steps)

    def _rows(self, sql: str) -> list[Any]:
        return list(self._client.query(sql).result_rows)
