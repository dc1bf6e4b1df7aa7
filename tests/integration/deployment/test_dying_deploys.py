"""Deploys that die anywhere, or that run at the same moment: nothing is lost, and the next one ends their work."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.own_names import CLOSED_CONSTRAINT, FENCE_TABLE, LOCK_TABLE
from service.deployment.apply import apply
from service.deployment.plan import Plan, read_plan
from tests.integration.deployment.deploys import ADDITIONS, ALTERATIONS, EVENTS, Plans, changed, deploy, state
from tests.schemas.mapping.mapped import Mapped


def test_four_deploys_at_the_same_moment_make_one(
    client: Client, connect: Callable[[], Client], database: str, plan_of: Plans
) -> None:
    project = plan_of(events=EVENTS, others=EVENTS).project
    start, failures = threading.Barrier(4), list[BaseException]()

    def run() -> None:
        own = connect()
        try:
            start.wait(timeout=30)
            apply(own, read_plan(own, project, database))
        except BaseException as error:
            failures.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=90)
    assert failures == []
    assert read_plan(client, project, database).is_empty
    assert LOCK_TABLE not in {row[0] for row in state(client, database)}


def deployed_in_part(client: Client, plan: Plan, statements: int) -> None:
    for statement in plan.statements[:statements]:
        client.command(statement)


def refusal_of(mapped: Mapped) -> DatabaseError | None:
    """Why an insert of one message is refused; None when it is not."""
    try:
        mapped.insert("events", [b'{"id":"sent"}'])
    except DatabaseError as error:
        return error
    return None


@pytest.mark.timeout(400)  # some fifteen deploys
def test_a_deploy_that_dies_anywhere_loses_no_message_and_the_next_one_ends_its_work(
    client: Client, database: str, plan_of: Plans, own_steps: Callable[[int], Iterable[int]]
) -> None:
    mapped = Mapped(client, database, plan_of(events=EVENTS).project)
    mapped.deploy()
    closed, sent = 0, 0
    steps = len(plan_of(events=changed(ADDITIONS["a JSONPath"])).statements)
    assert steps > 10
    for number in own_steps(steps):
        text = changed(ADDITIONS["a JSONPath"]) if number % 2 == 0 else EVENTS
        plan = plan_of(events=text)
        deployed_in_part(client, plan, number + 1)
        refused = refusal_of(mapped)
        if refused is None:
            sent += 1
        else:
            # The door is closed, or for a moment not there.
            assert refused.code == 60 or (refused.code == 469 and CLOSED_CONSTRAINT in str(refused))
            closed += 1
        assert mapped.query("SELECT count() FROM {table}", "events") == [(sent,)]
        deploy(client, read_plan(client, plan.project, database))
        mapped.insert("events", [b'{"id":"after"}'])
        sent += 1
        assert mapped.query("SELECT count() FROM {table}", "events") == [(sent,)]
    assert closed > 2


def test_a_door_that_a_dead_deploy_left_closed_is_opened_though_nothing_else_differs(
    client: Client, database: str, plan_of: Plans
) -> None:
    mapped = Mapped(client, database, plan_of(events=EVENTS).project)
    mapped.deploy()
    client.command(f"INSERT INTO `{database}`.`{FENCE_TABLE}` VALUES ('events', 4711)")
    assert refusal_of(mapped) is not None
    plan = plan_of(events=EVENTS)
    assert plan.only_opens
    assert plan.closed == {"events"}
    deploy(client, plan)
    assert refusal_of(mapped) is None


FORWARD = [(EVENTS, EVENTS.replace(*edit)) for edit in (*ADDITIONS.values(), *ALTERATIONS.values())]
BACK = [(EVENTS.replace(*edit), EVENTS) for edit in (ADDITIONS["an index"], *list(ALTERATIONS.values())[:4])]


@pytest.mark.parametrize(("before", "after"), [*FORWARD, *BACK])
def test_a_change_of_a_table_that_dies_anywhere_is_ended_by_the_next_deploy(
    client: Client, database: str, plan_of: Plans, before: str, after: str
) -> None:
    before, after = (re.sub(r"`json:[^`]*`", "", text) for text in (before, after))
    deploy(client, plan_of(events=before))
    for number in range(len(plan_of(events=after).statements)):
        deployed_in_part(client, plan_of(events=after), number + 1)
        deploy(client, plan_of(events=after))
        client.command(f"DROP TABLE `{database}`.events SYNC")
        deploy(client, plan_of(events=before))


def test_a_first_deploy_that_dies_anywhere_is_ended_by_the_next(
    client: Client, database: str, plan_of: Plans, own_steps: Callable[[int], Iterable[int]]
) -> None:
    for number in own_steps(len(plan_of(events=EVENTS).statements)):
        deployed_in_part(client, plan_of(events=EVENTS), number + 1)
        deploy(client, plan_of(events=EVENTS))
        client.command(f"DROP DATABASE `{database}` SYNC")
