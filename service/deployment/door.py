"""Closes landing tables, replaces what is behind them, and opens them again, so that no insert falls between.

An insert finds out which views it goes through when it begins, and reads the door when its rows come. So one that began
while a door was closed, with the former views or with a part of the new ones, must end before the door opens: judged
afterwards, its rows would be gone. And a batch that is stored in part, or whose answer was lost, is sent again with its
token: the new mapping must not get it, so the worker's record of it is waited for (`ingest_worker.storing.settled`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Protocol

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from schemas.model import Project
from schemas.own_names import landing_table
from schemas.tables.ddl.door import door_ddl, door_opening_ddl
from schemas.tables.ddl.mapping import MappingDdl
from service.clickhouse.codes import Code
from service.deployment.lock import Lock
from service.errors import InsertsRunningError

KILL_SECONDS = 10.0
"""How long inserts may hold a deploy up: their workers send what is ended then again, with its token."""

GIVE_UP_SECONDS = 60.0
SETTLE_SECONDS = 0.3
"""How long a worker takes, at most, to commit what has just been stored."""

SETTLE_PAUSE_SECONDS = 1.0
SETTLE_IN_ALL_SECONDS = 30.0
_POLL_SECONDS = 0.02


class Records(Protocol):
    """Who knows which batches are under way. Both methods raise `ServiceError` when nobody can tell."""

    def recorded(self, data_source: str) -> frozenset[str]:
        """The batches on record that are not committed; for people. Those that come on record when the door is closed
        cannot be stored: a batch is recorded before it is sent."""
        ...

    def half_stored(self, data_source: str, recorded: frozenset[str]) -> list[str]:
        """Those of `recorded` that are on record still, and are in ClickHouse, in whole or in part, or may be."""
        ...


OpenRecords = Callable[[Client, Project, str], AbstractContextManager[Records]]
"""Opens the records of a project's workers for a deploy to a database."""


@dataclass(frozen=True, slots=True)
class Door:
    """The landing tables of one database, while `lock` is held."""

    client: Client
    database: str
    lock: Lock
    tell: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def replace(self, mapping: MappingDdl, records: Records | None) -> None:
        """Replace the mapping. Raises `InsertsRunningError`, what the client raises, and for a lost lock
        `LockLostError`; the door stays closed when it had to begin by then, which the next deploy mends."""
        left = self.settle([mapping.data_source], records)
        if left:
            self.tell(
                f"warning: the mapping of `{mapping.data_source}` is replaced while batches of it are half stored:"
                f" {', '.join(left)}\nhint: `birdhouse verify` says afterwards whether each event is stored once"
            )
        for statement in mapping.replacing:
            self.lock.run(statement)
        self.open_after_change(mapping.data_source)
        self.lock.run(mapping.naming)

    def await_begun(self, *data_sources: str) -> None:
        """Wait for the inserts that began before all of the new views were there: none of them is to find the door
        open."""
        self._await(self._running(data_sources))

    def open(self, *data_sources: str) -> None:
        """Open those that this deploy holds closed, each for itself."""
        for data_source in data_sources:
            self.lock.run(door_opening_ddl(data_source, self.database, holder=self.lock.holder))

    def open_after_change(self, *data_sources: str) -> None:
        """Open them once nothing can pass that began before all of the change was there."""
        self.await_begun(*data_sources)
        self.open(*data_sources)

    def take(self, *data_sources: str) -> None:
        """Hold them closed, whoever did before: all from one moment on."""
        if data_sources:
            self.lock.run(door_ddl(*data_sources, database=self.database, holder=self.lock.holder))

    def settle(self, data_sources: Sequence[str], records: Records | None) -> list[str]:
        """Close them when no insert runs and no batch is half stored. The doors are closed then, also when batches
        stay half stored: returns those, for people. With an error the doors are open as before.

        Raises what `replace` raises, and `ServiceError` when `records` cannot be read.
        """
        started = self.clock()
        while True:
            self.take(*data_sources)
            try:
                recorded = _recorded(records, data_sources)
                self._await(self._running(data_sources))
                left = self._unsettled(records, recorded)
            except BaseException:
                with suppress(Exception):
                    self.open(*data_sources)  # nothing is changed yet
                raise
            if not left or self.clock() - started > SETTLE_IN_ALL_SECONDS:
                return left
            # The workers go on meanwhile: what they send again is complete then.
            self.open(*data_sources)
            # Not in step with them.
            self._nap(SETTLE_PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - no secret

    def _unsettled(self, records: Records | None, recorded: Mapping[str, frozenset[str]]) -> list[str]:
        give_up = self.clock() + SETTLE_SECONDS
        while records is not None:
            left = [batch for name, batches in recorded.items() for batch in records.half_stored(name, batches)]
            if not left or self.clock() >= give_up:
                return left
            self._nap(_POLL_SECONDS)
        return []

    def _running(self, data_sources: Iterable[str]) -> set[str]:
        """Ids of the inserts that run now and may go through these landing tables, whoever wrote them."""
        found = self.client.query(
            "SELECT query_id FROM system.processes WHERE query_kind IN ('Insert', 'AsyncInsertFlush')"
            " AND arrayExists(landing -> position(query, landing) > 0, {landings:Array(String)})",
            parameters={"landings": [landing_table(name) for name in data_sources]},
        )
        return {str(query_id) for (query_id,) in found.result_rows}

    def _await(self, inserts: set[str]) -> None:
        """Wait until these have ended. Those that begin later are no matter: they are refused, or see what is there."""
        started, is_killed = self.clock(), False
        while inserts:
            waited = self.clock() - started
            if waited > GIVE_UP_SECONDS:
                raise InsertsRunningError(inserts)
            if waited > KILL_SECONDS and not is_killed:
                is_killed = True
                self._kill(inserts)
            self._nap(_POLL_SECONDS)
            inserts = self._still_running(inserts)

    def _still_running(self, inserts: set[str]) -> set[str]:
        found = self.client.query(
            "SELECT query_id FROM system.processes WHERE query_id IN {ids:Array(String)}",
            parameters={"ids": sorted(inserts)},
        )
        return {str(query_id) for (query_id,) in found.result_rows}

    def _kill(self, inserts: set[str]) -> None:
        for query_id in inserts:
            try:
                self.client.command("KILL QUERY WHERE query_id = {query_id:String} ASYNC", {"query_id": query_id})
            except DatabaseError as error:
                if error.code != Code.ACCESS_DENIED:
                    raise
                return  # others may end them, or they end by themselves
            except ClickHouseError:
                return

    def _nap(self, seconds: float) -> None:
        self.sleep(seconds)
        self.lock.keep()


def _recorded(records: Records | None, data_sources: Iterable[str]) -> dict[str, frozenset[str]]:
    return {name: records.recorded(name) for name in data_sources} if records is not None else {}
