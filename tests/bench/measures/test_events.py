"""How the events bench counts requests and events of a core."""

from __future__ import annotations

from typing import Any, cast

from bench.load.generator import Load
from bench.measures.events import EventsBench, Options
from bench.record import Record


def test_cpu_is_told_for_a_request_and_for_an_event() -> None:
    run = EventsBench(cast("Any", None), Options(), Record("a test", 1, {}), lambda _: None)
    load = Load(1.0, (0.01,) * 100, (), "", 0.002)
    run.loads = {1: [load], 1_000: [load], 10: [load]}
    run.cpu = {1: [{"API": 125.0, "Kafka": 9.0}], 1_000: [{"API": 5.0}], 10: [{}]}
    head, _, one, thousand, unknown = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in run.render().split("\n")
    )
    names = ["requests/s per API core", "events/s per API core", "API CPU a request", "API CPU"]
    assert [one[head.index(name)] for name in names] == ["8,000", "8,000", "125", "125.0"]
    assert [thousand[head.index(name)] for name in names] == ["200", "200,000", "5,000", "5.0"]
    assert [unknown[head.index(name)] for name in names] == ["–"] * 4
    assert one[-2:] == ["9.0", "20"]
