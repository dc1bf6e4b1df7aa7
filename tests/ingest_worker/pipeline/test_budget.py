"""The memory budget: the limit holds, and no data source stands still because of another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.pipeline.budget import MemoryBudget

LIMIT = 1_000


@given(st.integers(1, 8), st.data())
def test_the_limit_holds_whoever_reads(data_sources: int, data: st.DataObject) -> None:
    budget, held = MemoryBudget(LIMIT, data_sources), [0] * data_sources
    for _ in range(200):
        reader = data.draw(st.integers(0, data_sources - 1))
        if not budget.must_pause(held[reader]):
            held[reader] += 10
            budget.take(10)
    assert budget.used_bytes == sum(held) <= LIMIT + 10 * data_sources


def test_one_that_is_alone_uses_all_of_it() -> None:
    budget = MemoryBudget(LIMIT, 1)
    budget.take(LIMIT)
    assert not budget.must_pause(LIMIT)
    budget.take(1)
    assert budget.must_pause(LIMIT + 1)


def test_a_slow_one_does_not_stop_the_others() -> None:
    budget = MemoryBudget(LIMIT, 2)
    budget.take(751)
    assert budget.must_pause(751)
    assert not budget.must_pause(0)
    assert not budget.must_pause(250)


def test_a_paused_one_resumes_well_below() -> None:
    budget = MemoryBudget(LIMIT, 1)
    budget.take(900)
    assert not budget.may_resume(900)
    budget.give_back(500)
    assert budget.may_resume(400)


def test_it_is_tight_before_it_is_full() -> None:
    budget = MemoryBudget(LIMIT, 1)
    assert not budget.is_tight(300)
    assert budget.is_tight(334)
