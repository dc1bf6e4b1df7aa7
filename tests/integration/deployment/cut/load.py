"""A worker, simulated: one partition, batches on record before they are sent, sent again on purpose, then committed."""

from __future__ import annotations

import random
import threading
import time
from types import TracebackType
from typing import Self

from clickhouse_connect.driver.exceptions import DatabaseError

from tests.integration.deployment.cut.scene import Scene, message
from tests.schemas.mapping.mapped import Mapped

VIOLATED_CONSTRAINT = 469
COMMIT_SECONDS = 0.01


class Load:
    """Sends batches from number `first` on until it is left. It is its own record (`Records` of the door)."""

    def __init__(self, scene: Scene, first: int, *, rows: int = 50, resent: float = 0.2, seed: int = 1) -> None:
        self._scene, self._client = scene, scene.connect()
        self._mapped = Mapped(self._client, scene.database, scene.project)
        self._first, self._rows, self._resent = first, rows, resent
        self._chance = random.Random(seed)
        self._is_over = threading.Event()
        self._record: str | None = None  # the batch under way
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.batches = 0
        self.refused = 0
        self.failed: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), f"batch {self._record} is not stored: is the door closed?"
        self._client.close()
        assert not self.failed, self.failed

    def recorded(self, data_source: str) -> frozenset[str]:
        record = self._record
        return frozenset() if record is None else frozenset({record})

    def half_stored(self, data_source: str, recorded: frozenset[str]) -> list[str]:
        record = self._record
        return [record] if record is not None and record in recorded and self._holds(record) else []

    def _holds(self, record: str) -> bool:
        """The tables know: what the worker was told comes later."""
        first, rows = map(int, record.split("-"))
        tables = ("events", "events_quarantine")
        within = f"WHERE __offset BETWEEN {first} AND {first + rows - 1}"
        return any(self._scene.ask(f"SELECT 1 FROM {{db}}.{table} {within} LIMIT 1") for table in tables)

    def _run(self) -> None:
        while not self._is_over.is_set():
            self._batch(f"{self._first}-{self._rows}")
            self._first += self._rows
            self.batches += 1

    def _batch(self, name: str) -> None:
        """On record, sent until it is stored, with a lost answer now and then sent again, and committed."""
        messages = [message(number) for number in range(self._first, self._first + self._rows)]
        times = 2 if self._chance.random() < self._resent else 1
        self._record = name
        while times:
            try:
                self._mapped.insert("events", messages, first=self._first, token=name)
            except DatabaseError as error:
                if error.code != VIOLATED_CONSTRAINT:
                    self.failed.append(str(error)[:300])
                    return
                self.refused += 1
                time.sleep(COMMIT_SECONDS)
                continue
            times -= 1
            time.sleep(self._chance.uniform(0, 5 * COMMIT_SECONDS) if times else COMMIT_SECONDS)
        self._record = None
