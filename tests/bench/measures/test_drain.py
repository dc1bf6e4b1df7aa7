"""Watching a drain: it ends when every row is there, and says so when rows are missing or too many."""

from __future__ import annotations

import time

import pytest

from bench.errors import BenchError
from bench.measures import drain
from bench.systems.accounting import Accounts


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def test_the_rate_is_that_of_all_events_since_the_partitions_were_had(clock: list[float]) -> None:
    counts = iter([0, 0, 400, 400, 1000])
    found = drain.watch(lambda: next(counts), 1000, clock[0], Accounts({}), lambda: None)
    assert [rows for _, rows in found.timeline] == [0, 0, 400, 400, 1000]
    assert found.first_rows_seconds == pytest.approx(0.15)
    assert found.seconds == pytest.approx(0.25)
    assert found.rate == pytest.approx(4000)


def test_a_drain_that_stands_still_fails(clock: list[float]) -> None:
    with pytest.raises(BenchError, match="10 of 1000 events arrived"):
        drain.watch(lambda: 10, 1000, clock[0], Accounts({}), lambda: None)


def test_rows_that_are_too_many_fail_it(clock: list[float]) -> None:
    with pytest.raises(BenchError, match="1001 rows were stored of 1000"):
        drain.watch(lambda: 1001, 1000, clock[0], Accounts({}), lambda: None)


def test_a_side_that_ended_is_noticed(clock: list[float]) -> None:
    def check() -> None:
        raise BenchError("it ended")

    with pytest.raises(BenchError, match="it ended"):
        drain.watch(lambda: 0, 1000, clock[0], Accounts({}), check)


def test_merges_are_waited_for_until_none_has_run_for_a_second(clock: list[float]) -> None:
    merges = iter([1, 1, 0, 1, *[0] * 100])
    drain.wait_for_merges(lambda: next(merges))
    assert clock[0] - 100.0 == pytest.approx(4 * drain.SAMPLE_SECONDS + drain.SETTLE_SECONDS, abs=0.1)
