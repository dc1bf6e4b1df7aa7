"""What the rollup bench takes for right, and how it puts its figures beside each other."""

from __future__ import annotations

from typing import Any, cast

import pytest

from bench.errors import BenchError
from bench.load.caller import Asked
from bench.measures.rollup import FROM_EVENTS, FROM_ROLLUP, OF_A_DAY, Options, RollupBench, verify
from bench.record import Record


def test_sizes_are_those_that_users_add_up_to() -> None:
    assert Options(rows=(20_000, 1_000, 20_000)).sizes == [1_000, 20_000]
    with pytest.raises(BenchError, match="1500 rows are no multiple of 1000"):
        assert Options(rows=(1_500,)).sizes


@pytest.mark.parametrize(
    ("events", "hourly", "told"),
    [
        ({"a": 2}, {"a": 2}, "holds 2 rows instead of 3"),
        ({"a": 2, "b": 1}, {"a": 2}, "`events_hourly` does not count"),
        ({"a": 2, "b": 1}, {"a": 1, "b": 2}, "`events_hourly` does not count"),
    ],
)
def test_rollups_count_what_the_table_holds(events: dict[str, int], hourly: dict[str, int], told: str) -> None:
    def ask(sql: str) -> list[list[Any]]:
        counts = hourly if "FROM events_hourly" in sql else events
        return [list(pair) for pair in counts.items()]

    with pytest.raises(BenchError, match=told):
        verify(ask, 3)


def test_each_time_stands_beside_the_first_size_and_the_events() -> None:
    run = RollupBench(cast("Any", None), Options(rows=(1_000, 10_000)), Record("a test", 1, {}), lambda _: None)
    run.asked = {
        (FROM_EVENTS, 1_000): Asked([0.1], [1_000]),
        (FROM_ROLLUP, 1_000): Asked([0.01], [6]),
        (OF_A_DAY, 1_000): Asked([0.02], [6]),
        (FROM_EVENTS, 10_000): Asked([10.0], [], too_late=1),
        (FROM_ROLLUP, 10_000): Asked([0.015], [6]),
        (OF_A_DAY, 10_000): Asked([0.02], [6]),
    }
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in run.render().splitlines()[2:]]
    assert lines[1] == [FROM_EVENTS, "10,000", "10000.00", "10000.00", "100.00×", "1.00×", "–", "1"]
    assert lines[3] == [FROM_ROLLUP, "10,000", "15.00", "15.00", "1.50×", "0.0015×", "6", "0"]
