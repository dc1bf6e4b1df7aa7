"""What a deploy beside an embedded broker is told: nothing before the worker runs, that nobody knows beside it."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

from deploy.embedded.records import EmbeddedRecords
from schemas.model import Project
from service.deployment.records import known_records

PROJECT = Project(Path(), {}, {})


def test_before_the_worker_runs_nothing_is_under_way_and_nothing_is_told() -> None:
    told: list[str] = []
    opened = EmbeddedRecords(is_worker_running=False)
    with known_records(Mock(), PROJECT, "database", ["events"], opened, told.append) as known:
        assert known is not None
        assert known.recorded("events") == frozenset()
        assert known.half_stored("events", frozenset()) == []
    assert told == []


def test_beside_the_worker_people_are_told_that_nobody_knows() -> None:
    told: list[str] = []
    opened = EmbeddedRecords(is_worker_running=True)
    with known_records(Mock(), PROJECT, "database", ["events"], opened, told.append) as known:
        assert known is None
    assert "the embedded broker keeps no records of `events`" in told[0]
