"""What every part of a worker is handed: its settings, whom it tells, where clients and the time come from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from ingest_worker.observing.observations import Observer
from ingest_worker.settings import IngestSettings


@dataclass(frozen=True, slots=True)
class Context:
    """One for a worker, the same in all its threads.

    `connect` gives a new client each time, of a server or of an embedded engine; it is called from several threads and
    may raise. `broker_keeps_records`: whether the broker gives back the metadata of commits (the embedded one does
    not).
    """

    settings: IngestSettings
    connect: Callable[[], Client]
    observe: Observer
    broker_keeps_records: bool = True
    clock: Callable[[], float] = time.monotonic  # seconds from wherever, never set back
    now: Callable[[], float] = time.time  # seconds since 1970
    sleep: Callable[[float], object] = time.sleep

    @property
    def database(self) -> str:
        return self.settings.clickhouse_database
