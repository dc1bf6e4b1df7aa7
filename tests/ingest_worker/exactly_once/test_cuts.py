"""A view that is made and filled beside two workers, in every order of steps: it counts each message once.

As `test_every_order.py`, with a deploy that may die between any two of its statements. `MODEL_BUDGET=full` looks
further, for some minutes.
"""

from __future__ import annotations

import os

import pytest

from tests.ingest_worker.exactly_once.cuts import CutRules, CutWorld, Deploy
from tests.ingest_worker.exactly_once.explore import explore
from tests.ingest_worker.exactly_once.parts import Budget, Rules

# Every order of events is tried: a first answer does without it.
pytestmark = pytest.mark.slow

MOST_WORLDS = 900_000
BUDGETS = [(Budget(0, 0, failures=1), 0), (Budget(0, 0, 0), 1), (Budget(1, 0, 0), 0)]
if os.environ.get("MODEL_BUDGET") == "full":
    BUDGETS += [(Budget(0, 0, failures=1), 1), (Budget(0, 1, 0), 1), (Budget(1, 0, failures=1), 0)]

UNPROTECTED = {
    "the first cut is not settled": (CutRules(settles_first=False), Budget(0, 0, failures=1), 0),
    "the second cut is not settled": (CutRules(settles_second=False), Budget(0, 0, failures=1), 0),
    "the door is opened without a wait": (CutRules(waits_before_opening=False), Budget(0, 0, 0), 0),
    "a cut that is not written down is gone on with": (CutRules(undoes_what_is_not_noted=False), Budget(0, 0, 0), 1),
}


def world(rules: CutRules, budget: Budget, deaths: int, *, keeps_offsets: bool = True) -> CutWorld:
    made = CutWorld(Rules(keeps_offsets=keeps_offsets), budget, cut_rules=rules, deploy=Deploy(deaths=deaths))
    made.take("move to A")
    return made


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("budget", "deaths"), BUDGETS, ids=str)
@pytest.mark.parametrize("keeps_offsets", [True, False], ids=["offsets read back", "record alone"])
def test_a_view_counts_each_message_once_in_any_order(budget: Budget, deaths: int, keeps_offsets: bool) -> None:
    explored = explore(world(CutRules(), budget, deaths, keeps_offsets=keeps_offsets), MOST_WORLDS)
    assert explored.violation is None
    assert explored.ends > 1


@pytest.mark.timeout(900)
@pytest.mark.parametrize("left_out", UNPROTECTED)
def test_each_protection_is_needed(left_out: str) -> None:
    rules, budget, deaths = UNPROTECTED[left_out]
    assert explore(world(rules, budget, deaths), MOST_WORLDS).violation is not None
