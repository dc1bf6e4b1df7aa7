"""Closes the landing table of a data source, replaces its mapping, and opens it again, so that no insert falls between.

An insert finds out which views it goes through when it begins, and reads the door when its rows come. So one that began
while the door was closed, with the former views or with a part of the new ones, must end before the door opens: judged
afterwards, its rows would be gone. And a batch that is stored in part, or whose answer was lost, is sent again with its
token: the new mapping must not get it, so the worker's record of it is waited for (`ingest_worker.storing.settled`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Protocol

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from schemas.model import Project
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
    """Who knows which batches are under way."""

    def half_stored(self, data_source: str) -> list[str]:
        """The batches on record that are in ClickHouse, in whole or in part, and not committed; for people. Raises
        `ServiceError` when nobody can tell."""
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
        self._close(mapping, records)
        for statement in mapping.replacing:
            self.lock.run(statement)
        self.await_begun(mapping)
        self.open(mapping.data_source)
        self.lock.run(mapping.naming)

    def await_begun(self, mapping: MappingDdl) -> None:
        """Wait for the inserts that began before all of the new views were there: none of them is to find the door
        open."""
        self._await(self._running(mapping.landing))

    def open(self, data_source: str) -> None:
        self.lock.run(door_opening_ddl(data_source, self.database, holder=self.lock.holder))

    def take(self, data_source: str) -> None:
        """Hold it closed, whoever did before."""
        self.lock.run(door_ddl(data_source, self.database, holder=self.lock.holder))

    def _close(self, mapping: MappingDdl, records: Records | None) -> None:
        started = self.clock()
        while True:
            self.take(mapping.data_source)
            try:
                self._await(self._running(mapping.landing))
                left = self._unsettled(mapping.data_source, records)
            except BaseException:
                with suppress(Exception):
                    self.open(mapping.data_source)  # nothing is changed yet
                raise
            if not left:
                return
            if self.clock() - started > SETTLE_IN_ALL_SECONDS:
                self.tell(
                    f"warning: the mapping of `{mapping.data_source}` is replaced while batches of it are half stored:"
                    f" {', '.join(left)}\nhint: `birdhouse verify` says afterwards whether each event is stored once"
                )
                return
            # The worker goes on meanwhile: what it sends again is complete then.
            self.open(mapping.data_source)
            self._nap(SETTLE_PAUSE_SECONDS)

    def _unsettled(self, data_source: str, records: Records | None) -> list[str]:
        if records is None:
            return []
        give_up = self.clock() + SETTLE_SECONDS
        while (left := records.half_stored(data_source)) and self.clock() < give_up:
            self._nap(_POLL_SECONDS)
        return left

    def _running(self, landing: str) -> set[str]:
        """Ids of the inserts that run now and may go through this landing table, whoever wrote them."""
        found = self.client.query(
            "SELECT query_id FROM system.processes WHERE query_kind IN ('Insert', 'AsyncInsertFlush')"
            " AND position(query, {landing:String}) > 0",
            parameters={"landing": landing},
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
