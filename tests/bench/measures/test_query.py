"""How the query bench puts the API beside ClickHouse."""

from __future__ import annotations

from typing import Any, cast

from bench.load.generator import Load
from bench.measures.query import CONNECTIONS, DIRECT, OURS, Cell, Options, QueryBench
from bench.record import Record


def load(seconds: float, count: int) -> Load:
    return Load(1.0, (seconds,) * count, (), "", 0.0)


def measured(sides: dict[str, list[Load]]) -> str:
    run = QueryBench(cast("Any", None), Options(), Record("a test", 1, {}), lambda _: None)
    run.client = load(0.001, 1_000)
    for connections in CONNECTIONS:
        for side, loads in sides.items():
            run.loads[Cell("a", connections, side)] = loads
            run.cpu[Cell("a", connections, side)] = [{OURS: 300.0} for _ in loads]
    return run.render()


def cells(text: str, side: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith("| a ") and f" {side} |" in line)
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_difference_and_the_ratios_are_those_of_each_turn() -> None:
    ours = [load(0.0044, 180), load(0.0054, 95), load(0.0084, 45)]
    direct = [load(0.004, 200), load(0.005, 100), load(0.008, 50)]
    text = measured({OURS: ours, DIRECT: direct})
    assert cells(text, OURS)[6:9] == ["+0.40 (+0.40–+0.40)", "1.08× (1.05×–1.10×)", "0.90× (0.90×–0.95×)"]
    assert cells(text, DIRECT)[6:9] == ["–", "–", "–"]


def test_without_a_clickhouse_to_ask_nothing_stands_beside() -> None:
    assert cells(measured({OURS: [load(0.0044, 180)]}), OURS)[6:9] == ["–", "–", "–"]
