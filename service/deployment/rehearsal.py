"""Makes what a plan makes in a database beside it first, so that what ClickHouse refuses leaves nothing half made.

Each data source of the plan is made there from nothing, with its quarantine and its mapping, and dropped again. What
only an ALTER of a table with rows can fail at is not seen there. A user who may not create it deploys without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from schemas.model import Column, DataSource, Engine, Place
from schemas.own_names import REHEARSAL_SUFFIX
from schemas.sql.text import identifier
from schemas.tables.actual import Actual
from schemas.tables.change import Change
from schemas.tables.ddl.tables import table_ddl
from schemas.tables.diff.project import diff
from schemas.tables.shape import UNSORTED_ENGINES
from schemas.tables.source_shape import shape_of
from service.clickhouse.codes import Code
from service.deployment.lock import Lock
from service.deployment.plan import Plan
from service.deployment.refusals import is_refusal, line_of, refused
from service.errors import RefusedStatementError

_PROBE = "probe"
# Of an engine's clauses, in the order in which one needs the other: member, instruction.
_CLAUSES = (
    ("partition_key", "ENGINE_PARTITION_KEY"),
    ("sorting_key", "ENGINE_SORTING_KEY"),
    ("primary_key", "ENGINE_PRIMARY_KEY"),
    ("sampling_key", "ENGINE_SAMPLING_KEY"),
    ("ttl", "ENGINE_TTL"),
    ("settings", "ENGINE_SETTINGS"),
)


def rehearse(client: Client, plan: Plan, lock: Lock) -> None:
    """Raises `RefusedStatementError` for the first thing that ClickHouse does not take, before anything is changed."""
    names = {change.data_source for change in plan.changes if change.makes}
    # One whose columns a SELECT gives needs what that reads.
    sources = plan.project.data_sources.items()
    wanted = {name: source for name, source in sources if name in names and not source.described_by}
    if not wanted:
        return
    scratch = plan.database + REHEARSAL_SUFFIX
    try:
        client.command(f"DROP DATABASE IF EXISTS {identifier(scratch)} SYNC")  # of a deploy that died
        client.command(f"CREATE DATABASE {identifier(scratch)}")
    except DatabaseError as error:
        if error.code == Code.ACCESS_DENIED:
            return
        raise
    try:
        for change in diff(replace(plan.project, data_sources=wanted), Actual(), scratch, names_zone=plan.names_zone):
            _try(client, plan, change, scratch, lock)
    finally:
        with suppress(ClickHouseError):
            client.command(f"DROP DATABASE IF EXISTS {identifier(scratch)} SYNC")


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
    for place, what, variant in _variants(data_source):
        try:
            client.command(table_ddl(shape_of(replace(variant, name=_PROBE)), scratch, names_zone=plan.names_zone))
        except DatabaseError as found:
            return refused(plan, change, found if is_refusal(found) else error, (), place, what)
        client.command(f"DROP TABLE {identifier(scratch)}.{identifier(_PROBE)} SYNC")
    return refused(plan, change, error, (), data_source.place)


def _variants(data_source: DataSource) -> Iterator[tuple[Place, str, DataSource]]:
    """The data source with one part of it more each time: the first that ClickHouse refuses is what it refuses."""
    bare = tuple(map(_bare, data_source.columns))
    plain = replace(data_source, engine=Engine(place=data_source.engine.place), indexes=(), projections=())
    for column in bare:
        yield column.place, f"the column `{column.name}`", replace(plain, columns=(column,))
    for number, column in enumerate(data_source.columns):
        columns = (*bare[:number], column, *bare[number + 1 :])
        part = "the DEFAULT" if column.codec is None else "the DEFAULT or CODEC"
        yield column.place, f"{part} of the column `{column.name}`", replace(plain, columns=columns)
    yield data_source.place, "the columns together", replace(plain, columns=data_source.columns)
    yield from _clauses(data_source, plain)
    whole = replace(data_source, indexes=(), projections=())
    for index in data_source.indexes:
        yield index.place, f"the index `{index.name}`", replace(whole, indexes=(index,))
    for projection in data_source.projections:
        yield projection.place, f"the projection `{projection.name}`", replace(whole, projections=(projection,))


def _clauses(data_source: DataSource, plain: DataSource) -> Iterator[tuple[Place, str, DataSource]]:
    engine = plain.engine
    whole = replace(plain, columns=data_source.columns)
    for member, instruction in _CLAUSES:
        text = getattr(data_source.engine, member)
        if text and data_source.engine.name not in UNSORTED_ENGINES:
            engine = replace(engine, **{member: text})
            place = line_of(data_source, instruction)
            yield place, f"{instruction} `{text}`", replace(whole, engine=engine)
    place = line_of(data_source, "ENGINE")
    yield place, f"the engine {data_source.engine.name}", replace(whole, engine=data_source.engine)


def _bare(column: Column) -> Column:
    """Its name and type alone; one without a type is known by its DEFAULT."""
    return column if column.type is None else replace(column, default=None, codec=None)
