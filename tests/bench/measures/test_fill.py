"""A fill that loses, doubles or sets aside an event gives no figures."""

from __future__ import annotations

from typing import Any

import pytest

from bench.errors import BenchError
from bench.measures import fill
from bench.systems.rollups import ROLLUPS


class Database:
    """Answers what `verify` asks."""

    def __init__(self, rows: int, different: int, quarantined: int, counted: int) -> None:
        self.rows, self.different, self.quarantined, self.counted = rows, different, quarantined, counted

    def ask(self, sql: str) -> list[list[Any]]:
        if "uniqExact" in sql:
            return [[self.rows, self.different]]
        if "quarantine" in sql:
            return [[self.quarantined]]
        return [[self.counted if "sum(" in sql else self.rows]]


def test_every_event_once_is_right() -> None:
    fill.verify(Database(5, 5, 0, 5).ask, ROLLUPS, 5)


@pytest.mark.parametrize(
    ("database", "told"),
    [
        (Database(4, 4, 0, 5), "of 5 events 1 are lost, 0 doubled and 0 in quarantine"),
        (Database(6, 5, 0, 5), "0 are lost, 1 doubled"),
        (Database(5, 4, 0, 5), "1 are lost, 1 doubled"),
        (Database(5, 5, 1, 5), "1 in quarantine"),
        (Database(5, 5, 0, 6), "counts 6 events of 5"),
    ],
)
def test_anything_else_is_told(database: Database, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill, "_ARRIVE_SECONDS", 0.0)
    with pytest.raises(BenchError, match=told):
        fill.verify(database.ask, ROLLUPS, 5)
