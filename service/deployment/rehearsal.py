"""Makes what a plan makes in a database beside it first, so that what ClickHouse refuses leaves nothing half made.

Each data source of the plan is made there from nothing, with its quarantine and its mapping, and dropped again. What
only an ALTER of a table with rows can fail at is not seen there. A user who may not create it deploys without it.
"""

from __future__ import annotations

from dataclasses import replace

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.sql.text import identifier
from schemas.tables.actual import Actual
from schemas.tables.change import Change
from schemas.tables.ddl.tables import table_ddl
from schemas.tables.diff.project import diff
from schemas.tables.source_shape import shape_of
from service.clickhouse.codes import Code
from service.deployment.lock import Lock
from service.deployment.plan import Plan
from service.deployment.refusals import is_refusal, refused
from service.deployment.scratch import scratch_database
from service.deployment.variants import variants
from service.errors import RefusedStatementError

_PROBE = "probe"


def rehearse(client: Client, plan: Plan, lock: Lock) -> None:
    """Raises `RefusedStatementError` for the first thing that ClickHouse does not take, before anything is changed."""
    names = {change.data_source for change in plan.changes if change.makes}
    # One whose columns a SELECT gives needs what that reads.
    sources = plan.project.data_sources.items()
    wanted = {name: source for name, source in sources if name in names and not source.described_by}
    if not wanted:
        return
    wanted_plan = replace(plan.project, data_sources=wanted)
    try:
        with scratch_database(client, plan.database) as scratch:
            for change in diff(wanted_plan, Actual(), scratch, names_zone=plan.names_zone):
                _try(client, plan, change, scratch, lock)
    except DatabaseError as error:
        if error.code != Code.ACCESS_DENIED:
            raise


def _try(client: Client, plan: Plan, change: Change, scratch: str, lock: Lock) -> None:
    statements = change.statements if change.mapping is None else change.mapping.replacing
    for statement in statements:
        try:
            lock.run(statement)
        except DatabaseError as error:
            if not is_refusal(error):
                raise
            raise _located(client, plan, change, scratch, error) from error


def _located(client: Client, plan: Plan, change: Change, scratch: str, error: DatabaseError) -> RefusedStatementError:
    data_source = plan.project.data_sources.get(change.name)
    if data_source is None or change.mapping is not None:
        return refused(plan, change, error, ())
    for part in variants(data_source):
        probe = replace(part.data_source, name=_PROBE)
        try:
            client.command(table_ddl(shape_of(probe), scratch, names_zone=plan.names_zone))
        except DatabaseError as found:
            return refused(plan, change, found if is_refusal(found) else error, (), part.place, part.what)
        client.command(f"DROP TABLE {identifier(scratch)}.{identifier(_PROBE)} SYNC")
    return refused(plan, change, error, (), data_source.place)
