"""Apply a plan: one deploy at a time, the same result however often and from wherever it is run."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.sql.text import identifier, qualified
from schemas.tables.change import Change
from schemas.tables.views.deployed import view_comment
from schemas.tables.views.stages import stages_of
from service.deployment.cut.change import change_views, end_former
from service.deployment.door import Door, OpenRecords, Records
from service.deployment.lock import lock
from service.deployment.plan import Plan, read_plan
from service.deployment.records import known_records
from service.deployment.refusals import is_refusal, refused
from service.deployment.rehearsal import rehearse
from service.errors import RefusedPlanError

Tell = Callable[[str], None]


def apply(
    client: Client,
    plan: Plan,
    *,
    records: OpenRecords | None = None,
    tell: Tell = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Plan:
    """Bring ClickHouse to what the plan's project says and return the plan that was carried out.

    Another deploy that runs at this moment is waited for, and what it did is not done again. `records` opens the
    workers' records of half stored batches, which are beside the group's commits in Kafka; without it nobody asks for
    them. `tell` is for people: what could not be made sure of.

    Raises `RefusedPlanError` when something would lose data (nothing is changed then), `RefusedStatementError` for what
    ClickHouse does not take, `DeployBusyError` when the other deploy does not end, and what the client raises for a
    server that does not answer.
    """
    if plan.refused:
        raise RefusedPlanError(plan.render())
    if plan.is_empty:
        return plan
    client.command(f"CREATE DATABASE IF NOT EXISTS {identifier(plan.database)}")
    with lock(client, plan.database, sleep) as held, ExitStack() as stack:
        door = Door(client, plan.database, held, tell, sleep)
        end_former(door, project=plan.project, records=records)
        current = read_plan(client, plan.project, plan.database, plan.project_views)
        if current.refused:
            raise RefusedPlanError(current.render())
        rehearse(client, current, held)
        known = _records(client, current, records, tell, stack)
        _carry_out(current, door, known)
        if not current.views.is_empty or current.has_leftovers:
            for stage in stages_of(current.views, current.project_views.shapes):
                change_views(
                    door,
                    project=current.project,
                    views=stage.views,
                    changes=stage.changes,
                    comment_of=view_comment,
                    records=records,
                )
        # What ClickHouse made of it is known only now.
        noting = read_plan(client, plan.project, plan.database, plan.project_views)
        _carry_out(noting.only_notes(), door, None)
    return current


def _carry_out(plan: Plan, door: Door, records: Records | None) -> None:
    done: list[Change] = []
    unnoted = set[str]()
    for change in plan.changes:
        try:
            if change.note_in and change.makes and change.note_in not in unnoted:
                # What is about to be made is no change by hand, also when this deploy dies half-way.
                unnoted.add(change.note_in)
                door.lock.run(f"ALTER TABLE {qualified(plan.database, change.note_in)} MODIFY COMMENT ''")
            _make(change, door, records)
        except DatabaseError as error:
            if not is_refusal(error):
                raise
            raise refused(plan, change, error, done) from error
        done.append(change)


def _make(change: Change, door: Door, records: Records | None) -> None:
    if change.mapping is not None:
        door.replace(change.mapping, records if change.replaces_mapping else None)
    elif change.opens:
        door.take(change.data_source)
        door.open_after_change(change.data_source)
    else:
        for statement in change.statements:
            door.lock.run(statement)


def _records(
    client: Client, plan: Plan, open_records: OpenRecords | None, tell: Tell, stack: ExitStack
) -> Records | None:
    """The workers' records, when there is a mapping to replace and they can be read."""
    replaced = [change.name for change in plan.changes if change.replaces_mapping]
    return stack.enter_context(known_records(client, plan.project, plan.database, replaced, open_records, tell))
