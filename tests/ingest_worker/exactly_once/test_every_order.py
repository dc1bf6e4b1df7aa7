"""Two owners, their late inserts and their crashes in every order of steps: each message is stored and counted once.

`docs/exactly-once.md` says in words why; here a search over all orders finds no counterexample, and finds one as soon
as any of the protections is left out. `MODEL_BUDGET=full` looks further, for some minutes.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.ingest_worker.exactly_once import made_again
from tests.ingest_worker.exactly_once.explore import explore
from tests.ingest_worker.exactly_once.made_again import MadeAgain
from tests.ingest_worker.exactly_once.parts import Budget, Rules
from tests.ingest_worker.exactly_once.views import TARGETS, ViewRules, WorldWithViews
from tests.ingest_worker.exactly_once.world import World

# Every order of events is tried: a first answer does without it.
pytestmark = pytest.mark.slow

MOST_WORLDS = 400_000
READ_BACK, RECORD_ALONE = Rules(), Rules(keeps_offsets=False)
BUDGETS = [Budget(0, crashes=1, failures=1), Budget(1, 0, failures=1), Budget(2, 0, 0), Budget(1, 0, 0, forgotten=1)]
if os.environ.get("MODEL_BUDGET") == "full":
    BUDGETS += [Budget(1, 1, 0), Budget(1, 1, 1), Budget(2, 1, 0), Budget(2, 0, 1), Budget(1, 1, 0, forgotten=1)]
RESET = Budget(moves=0, crashes=1, failures=0, resets=1)

UNPROTECTED = {
    "no fence": (replace(RECORD_ALONE, fence=False), Budget(1, 0, 0, forgotten=1)),
    "former inserts not waited for": (replace(RECORD_ALONE, waits=False), Budget(1, 0, 0, forgotten=1)),
    "no scan": (replace(READ_BACK, scan=False), RESET),
    "no record, in a table that forgets offsets": (replace(RECORD_ALONE, record=False), Budget(1, 0, 0)),
    "no record, behind a rollup": (replace(READ_BACK, record=False), Budget(1, 0, 0)),
    "no token": (replace(READ_BACK, token=False), Budget(0, 0, 1)),
    "committed before it is stored": (replace(READ_BACK, commits_after_insert=False), Budget(0, 0, 0)),
    "commits of former members": (replace(READ_BACK, group_refuses_former_members=False), Budget(1, 0, 0)),
}


def world(rules: Rules, budget: Budget) -> World:
    made = World(rules, budget)
    made.take("move to A")
    return made


@pytest.mark.timeout(900)
@pytest.mark.parametrize("budget", BUDGETS, ids=str)
@pytest.mark.parametrize("rules", [READ_BACK, RECORD_ALONE], ids=["offsets read back", "record alone"])
def test_nothing_is_lost_or_doubled_in_any_order(rules: Rules, budget: Budget) -> None:
    explored = explore(world(rules, budget), MOST_WORLDS)
    assert explored.violation is None
    assert explored.ends > 1


def test_a_group_that_was_reset_doubles_nothing_where_offsets_are_read_back() -> None:
    assert explore(world(READ_BACK, RESET), MOST_WORLDS).violation is None


@pytest.mark.parametrize("left_out", UNPROTECTED)
def test_each_protection_is_needed(left_out: str) -> None:
    rules, budget = UNPROTECTED[left_out]
    assert explore(world(rules, budget), MOST_WORLDS).violation is not None


VIEW_BUDGETS = [Budget(0, crashes=1, failures=0), Budget(1, 0, failures=0), Budget(0, 0, failures=1)]
if os.environ.get("MODEL_BUDGET") == "full":
    VIEW_BUDGETS += [Budget(1, 0, failures=1), Budget(1, 1, 0), Budget(2, 0, 0), Budget(1, 0, 0, forgotten=1)]

VIEWS_UNPROTECTED = {
    "a target without a window": ViewRules("other rollup", windows=frozenset(TARGETS[1:])),
    "a target behind it without one": ViewRules("other rollup", windows=frozenset((TARGETS[0], TARGETS[2]))),
    "a view that throws is passed over": ViewRules("rollup", waits_for_view=False),
}


def world_with_views(view_rules: ViewRules, budget: Budget, rules: Rules = READ_BACK) -> WorldWithViews:
    made = WorldWithViews.of(rules, budget, view_rules)
    made.take("move to A")
    return made


@pytest.mark.timeout(900)
@pytest.mark.parametrize("budget", VIEW_BUDGETS, ids=str)
@pytest.mark.parametrize("broken", TARGETS)
@pytest.mark.parametrize("rules", [READ_BACK, RECORD_ALONE], ids=["offsets read back", "record alone"])
def test_every_target_counts_each_message_once_whichever_view_throws(broken: str, budget: Budget, rules: Rules) -> None:
    explored = explore(world_with_views(ViewRules(broken), budget, rules), MOST_WORLDS)
    assert explored.violation is None
    assert explored.ends > 1


@pytest.mark.parametrize("left_out", VIEWS_UNPROTECTED)
def test_each_protection_of_views_is_needed(left_out: str) -> None:
    explored = explore(world_with_views(VIEWS_UNPROTECTED[left_out], Budget(0, 0, 0)), MOST_WORLDS)
    assert explored.violation is not None
    assert "rollup" in explored.violation.what


def test_behind_a_view_that_throws_the_record_is_needed() -> None:
    """The table has all of a batch that a view threw at: who reads it back leaves it out, and no view gets it."""
    world = world_with_views(ViewRules("rollup"), Budget(1, 0, 0), replace(READ_BACK, record=False))
    found = explore(world, MOST_WORLDS).violation
    assert found is not None
    assert "rollup never gets" in found.what


MADE_AGAIN_UNPROTECTED = {
    "the id is not asked for": made_again.Rules(asks=False),
    "the id was asked for before it was read": made_again.Rules(asks_after_reading=False),
    "an offset of the former topic is gone on from": made_again.Rules(compares_record=False, forgets_offsets=False),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("budget", [made_again.Budget(0, 2), made_again.Budget(1, 1), made_again.Budget(1, 2)], ids=str)
@pytest.mark.parametrize("forgets_offsets", [True, False])
def test_nothing_is_stored_under_a_topic_that_it_is_not_of(budget: made_again.Budget, forgets_offsets: bool) -> None:
    rules = made_again.Rules(forgets_offsets=forgets_offsets)
    explored = explore(MadeAgain(rules, budget), MOST_WORLDS)
    assert explored.violation is None
    assert explored.ends > 1


@pytest.mark.parametrize("left_out", MADE_AGAIN_UNPROTECTED)
def test_each_protection_of_a_topic_made_again_is_needed(left_out: str) -> None:
    world = MadeAgain(MADE_AGAIN_UNPROTECTED[left_out], made_again.Budget())
    assert explore(world, MOST_WORLDS).violation is not None
