"""The table from outcomes to decisions, row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest_worker.storing.batch import Limits
from ingest_worker.storing.delivery import LARGEST, SMALLEST, BatchScale, Decision, decide
from ingest_worker.storing.outcomes import Outcome, Refused, Stored, Swallowed, Unanswered

LIMITS = Limits(rows=1000, payload_bytes=10_000, seconds=0.5)


def refused(code: int, constraint: str | None = None) -> Refused:
    return Refused(code, "NAME", "text", constraint)


@pytest.mark.parametrize(
    ("outcome", "decision"),
    [
        (Stored(0.1, "query"), Decision.DONE),
        (Unanswered("connection reset"), Decision.RETRY),
        (Swallowed(3), Decision.ALARM),
        *((refused(code), Decision.RETRY) for code in (3, 107, 159, 164, 202, 203, 209, 210)),
        *((refused(code), Decision.RETRY) for code in (242, 243, 285, 319, 394, 425, 999)),
        (refused(241), Decision.RETRY_SMALLER),
        (refused(252), Decision.RETRY_LARGER),
        (refused(469, "ingest_fence"), Decision.FENCED),
        (refused(469, "mapping_is_being_replaced"), Decision.RETRY),
        (replace(refused(60), missing_view="events_store"), Decision.ALARM),
        (replace(refused(395), view="rollup"), Decision.ALARM),
        (refused(469, "a_check_of_the_user"), Decision.ALARM),
        (refused(469), Decision.ALARM),
        *((refused(code), Decision.ALARM) for code in (395, 60, 16, 516, 497, 1002, 31337)),
    ],
)
def test_every_outcome_has_its_decision(outcome: Outcome, decision: Decision) -> None:
    assert decide(outcome) is decision


def test_lack_of_memory_makes_batches_smaller_down_to_a_bound_and_success_brings_them_back() -> None:
    scale = BatchScale().after(Decision.RETRY_SMALLER)
    assert scale.apply(LIMITS) == Limits(500, 5_000, 0.5)
    for _ in range(20):
        scale = scale.after(Decision.RETRY_SMALLER)
    assert scale.factor == SMALLEST
    for _ in range(60):
        scale = scale.after(Decision.DONE)
    assert scale.factor == 1.0


def test_too_many_parts_makes_inserts_rarer_up_to_a_bound_and_success_brings_them_back() -> None:
    scale = BatchScale().after(Decision.RETRY_LARGER)
    assert scale.apply(LIMITS) == Limits(1000, 10_000, 1.0)
    for _ in range(20):
        scale = scale.after(Decision.RETRY_LARGER)
    assert scale.factor == LARGEST
    for _ in range(60):
        scale = scale.after(Decision.DONE)
    assert scale.factor == 1.0


@pytest.mark.parametrize("decision", [Decision.RETRY, Decision.ALARM, Decision.FENCED])
def test_other_outcomes_leave_the_size_alone(decision: Decision) -> None:
    assert BatchScale(0.5).after(decision) == BatchScale(0.5)


def test_a_batch_always_holds_something() -> None:
    assert BatchScale(SMALLEST).apply(Limits(1, 1, 1.0)).rows == 1
