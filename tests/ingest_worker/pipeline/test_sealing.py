"""Which batches are cut now: a table of cases of the decision, and what must hold in every case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.pipeline.sealing import Candidate, Rhythm, Situation, due

NOW = 100.0
DUE, NOT_DUE = Rhythm(NOW, seconds=1.0), Rhythm(NOW + 0.5, seconds=1.0)
IDLE, NOBODY_IDLE = Situation(NOW, idle_inserters=2), Situation(NOW)
TIGHT, PAUSED = Situation(NOW, 2, is_tight=True), Situation(NOW, 0, is_tight=True, must_pause=True)

EMPTY = Candidate(may_be_cut=False)
WAITING = Candidate(since=NOW - 1)
FULL = Candidate(is_full=True)
LAST = Candidate(is_flushing=True)  # of what is read; no more comes
SEALED_BEFORE = Candidate(is_sealed=True)
INSERTING_BEFORE = Candidate(is_inserting=True)
FULL_BEHIND_AN_INSERT = Candidate(is_full=True, is_inserting=True)

CASES = {
    "nothing waits": ([EMPTY], IDLE, DUE, []),
    "what waits, when it is due": ([WAITING], IDLE, DUE, [0]),
    "not before it is due": ([WAITING], IDLE, NOT_DUE, []),
    "alone, before any inserter waits for it": ([WAITING], NOBODY_IDLE, DUE, [0]),
    "a full batch at once": ([FULL], IDLE, NOT_DUE, [0]),
    "a full batch though nobody is idle": ([FULL], NOBODY_IDLE, NOT_DUE, [0]),
    "a full batch behind one that is inserted": ([FULL_BEHIND_AN_INSERT], NOBODY_IDLE, NOT_DUE, [0]),
    "all full batches": ([FULL, WAITING, FULL], IDLE, NOT_DUE, [0, 2]),
    "one that is not full waits for the one before it": ([INSERTING_BEFORE], IDLE, DUE, []),
    "and for one that is cut": ([SEALED_BEFORE], IDLE, DUE, []),
    "the oldest of those that are due": ([Candidate(since=3), Candidate(since=1), Candidate(since=2)], IDLE, DUE, [1]),
    "the largest while memory is scarce": (
        [Candidate(memory_bytes=1), Candidate(memory_bytes=3), Candidate(memory_bytes=2)],
        TIGHT,
        NOT_DUE,
        [1, 2],
    ),
    "none while all inserters work": ([WAITING, INSERTING_BEFORE], NOBODY_IDLE, DUE, []),
    "one ahead of them while nothing more may be read": ([WAITING, INSERTING_BEFORE], PAUSED, NOT_DUE, [0]),
    "no second one ahead of them": ([WAITING, SEALED_BEFORE], PAUSED, NOT_DUE, []),
    "full batches take the idle inserters first": ([FULL, FULL, WAITING], IDLE, DUE, [0, 1]),
    "but not those whose inserter is at it": ([FULL_BEHIND_AN_INSERT, WAITING], IDLE, DUE, [0, 1]),
    "the last ones at once": ([LAST, LAST], IDLE, NOT_DUE, [0, 1]),
    "the last ones whatever else waits": ([WAITING, LAST], IDLE, NOT_DUE, [1]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_cut(case: str) -> None:
    candidates, situation, rhythm, numbers = CASES[case]
    assert due(candidates, situation, rhythm).numbers == numbers


@pytest.mark.parametrize(
    ("due_at", "next_at"),
    [(NOW, NOW + 1), (NOW - 0.4, NOW + 0.6), (NOW - 0.5, NOW + 1), (NOW - 60, NOW + 1)],
    ids=["on time", "a little late: the rhythm stays", "half a beat late: it begins anew", "long idle"],
)
def test_when_the_next_is_due(due_at: float, next_at: float) -> None:
    assert due([WAITING], IDLE, Rhythm(due_at, seconds=1.0)).rhythm.due_at == pytest.approx(next_at)


def test_a_full_batch_is_no_beat_of_the_rhythm() -> None:
    assert due([FULL], IDLE, DUE).rhythm == DUE


def test_what_must_go_before_it_is_due_begins_the_rhythm_anew() -> None:
    assert due([LAST], IDLE, NOT_DUE).rhythm.due_at == NOW + 1


candidate = st.builds(
    Candidate, *[st.booleans()] * 5, since=st.floats(0, NOW, allow_nan=False), memory_bytes=st.integers(0, 99)
)


@given(
    st.lists(candidate, max_size=5), st.integers(0, 3), st.booleans(), st.booleans(), st.sampled_from([DUE, NOT_DUE])
)
def test_whatever_the_case(
    candidates: list[Candidate], idle: int, is_tight: bool, must_pause: bool, rhythm: Rhythm
) -> None:
    numbers = due(candidates, Situation(NOW, idle, is_tight, must_pause), rhythm).numbers
    assert len(set(numbers)) == len(numbers)
    assert all(candidates[number].may_be_cut for number in numbers)
    assert {number for number, each in enumerate(candidates) if each.may_be_cut and each.is_full} <= set(numbers)
    others = [number for number in numbers if not candidates[number].is_full]
    assert len(others) <= max(1, idle)
    assert not any(candidates[number].is_sealed or candidates[number].is_inserting for number in others)
