"""The schema at the start: applied when that is allowed and adds only, said otherwise."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, cast

import pytest

from ingest_worker import deployment as module
from ingest_worker.deployment import ensure_deployed
from ingest_worker.errors import ReplicatedTablesError
from ingest_worker.observing.observations import Observation
from ingest_worker.observing.schema import SchemaApplied, SchemaDiffers
from ingest_worker.observing.servers import ServerAwaited
from service.backoff import Backoff
from service.errors import RefusedStatementError
from tests.ingest_worker.fakes import FakeClient, context, refusal


@dataclass
class FakePlan:
    is_empty: bool = False
    only_adds: bool = True
    database: str = "birdhouse"
    warnings: tuple[str, ...] = ()

    def render(self) -> str:
        return "adds     events: create the table"


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, plan: FakePlan | Exception) -> None:
        self.plan = plan
        self.applied: list[object] = []
        self.refusal: RefusedStatementError | None = None
        self.seen: list[Observation] = []
        self.stop = threading.Event()
        monkeypatch.setattr(module, "_BACKOFF", Backoff(first=0, longest=0))
        monkeypatch.setattr(module, "read_plan", self._read)
        monkeypatch.setattr(module, "apply", self._apply)

    def _apply(self, client: object, plan: object, **_: object) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.applied.append(plan)

    def _read(self, *_: Any) -> FakePlan:
        plan, self.plan = self.plan, FakePlan(is_empty=True)
        if isinstance(plan, Exception):
            raise plan
        return plan

    def ensure(self, *, may_apply: bool, replicated: Any = (), is_pinned: bool = False) -> list[type]:
        ensure_deployed(
            context(self.seen.append, connect=lambda: FakeClient(list(replicated)), pinned_replica=is_pinned),
            cast("Any", None),
            self.stop,
            may_apply=may_apply,
        )
        return [type(entry) for entry in self.seen]


def test_a_schema_that_is_the_projects_needs_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Bench(monkeypatch, FakePlan(is_empty=True)).ensure(may_apply=True) == []


def test_what_only_adds_is_applied_when_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, FakePlan())
    assert bench.ensure(may_apply=True) == [SchemaApplied]
    assert len(bench.applied) == 1


@pytest.mark.parametrize(("plan", "may_apply"), [(FakePlan(), False), (FakePlan(only_adds=False), True)])
def test_otherwise_the_command_is_said(monkeypatch: pytest.MonkeyPatch, plan: FakePlan, may_apply: bool) -> None:
    bench = Bench(monkeypatch, plan)
    assert bench.ensure(may_apply=may_apply) == [SchemaDiffers]
    assert bench.applied == []
    (said,) = bench.seen
    assert isinstance(said, SchemaDiffers)
    assert "`birdhouse deploy`" in said.hint


def test_what_clickhouse_refuses_is_said_and_does_not_keep_the_worker_from_loading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch, FakePlan())
    bench.refusal = RefusedStatementError("events.datasource:3:5: ClickHouse refuses the column `a`", "change it")
    assert bench.ensure(may_apply=True) == [SchemaDiffers]
    (said,) = bench.seen
    assert isinstance(said, SchemaDiffers)
    assert "events.datasource:3:5" in said.plan


def test_a_server_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, refusal(210))
    assert bench.ensure(may_apply=True) == [ServerAwaited]


def test_a_stop_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, refusal(210))
    bench.stop.set()
    assert bench.ensure(may_apply=True) == []


def test_replicated_tables_are_refused_unless_all_workers_reach_one_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = [("events", "ReplicatedMergeTree")]
    with pytest.raises(ReplicatedTablesError, match="BIRDHOUSE_INGEST_PINNED_REPLICA"):
        Bench(monkeypatch, FakePlan(is_empty=True)).ensure(may_apply=False, replicated=tables)
    assert Bench(monkeypatch, FakePlan(is_empty=True)).ensure(may_apply=False, replicated=tables, is_pinned=True) == []
