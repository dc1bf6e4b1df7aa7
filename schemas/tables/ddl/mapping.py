"""The statements that make what is between message and row: tables that keep nothing, and the views from each to the
next."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.mapping.landing import landing_of
from schemas.mapping.views import MappingSql, mapping_of
from schemas.own_names import (
    CLOSED_CONSTRAINT,
    FENCE_KEY,
    FENCE_TABLE,
    OWNER,
    TOPIC_ID,
    passage_tables,
    quarantine_table,
    views,
)
from schemas.sql.text import call, identifier, literal, qualified
from schemas.tables.ddl.door import OPEN, door_ddl, recorded_owner
from schemas.tables.ddl.tables import create_table
from schemas.tables.shape import ColumnShape, Constraint, Keys, TableShape
from schemas.tables.source_shape import TOPIC_ID_TYPE, SourceShape

_KEEPS_NOTHING = Keys("Null")


@dataclass(frozen=True, slots=True)
class MappingDdl:
    """The mapping of a data source: it holds no data, so that it is replaced whole. `fingerprint` names its content.

    `replacing` suits any state in between, and is to be done while the landing table is closed; `naming` comes last.
    """

    data_source: str
    landing: str
    fingerprint: str
    closing: str
    replacing: tuple[str, ...]
    opening: str
    naming: str

    @property
    def statements(self) -> tuple[str, ...]:
        return (self.closing, *self.replacing, self.opening, self.naming)


def mapping_ddl(source: SourceShape, database: str) -> MappingDdl | None:
    """The mapping of a data source, made anew; None when it takes no events.

    The landing table is closed first and opened last: a message that came while a view is missing would be lost
    without a word, since that table stores nothing. `DROP` and `CREATE` in this order suit any state in between.
    """
    if source.feed is None or source.quarantine is None:
        return None
    name, tables = source.name, passage_tables(source.name)
    columns = dict(landing_of(source.feed).columns)
    carried = {column: kind for column, kind in columns.items() if column not in (FENCE_KEY, OWNER)}
    sql = mapping_of(
        source.data_source,
        carried | {TOPIC_ID: TOPIC_ID_TYPE},
        *(qualified(database, table) for table in tables),
    )
    between = TableShape(_columns(sql.parsed_columns), _KEEPS_NOTHING)
    creates = (
        create_table(database, tables.landing, _landing(name, columns, database)),
        *(create_table(database, table, between) for table in tables[1:]),
        *_views(source, source.quarantine, sql, database),
    )
    fingerprint = hashlib.sha256("\n".join(creates).encode()).hexdigest()[:16]
    return MappingDdl(
        data_source=name,
        landing=tables.landing,
        fingerprint=fingerprint,
        closing=door_ddl(name, database=database, holder=1),
        replacing=(
            *(f"DROP VIEW IF EXISTS {qualified(database, view)} SYNC" for view in views(name)),
            *(f"DROP TABLE IF EXISTS {qualified(database, table)} SYNC" for table in reversed(tables)),
            *creates,
        ),
        opening=door_ddl(name, database=database, holder=OPEN),
        naming=f"ALTER TABLE {qualified(database, tables.landing)} MODIFY COMMENT {literal(fingerprint)}",
    )


def view_ddl(database: str, name: str, target: str, select: str) -> str:
    """CREATE of a view that writes what its SELECT gives into a table."""
    view, into = qualified(database, name), qualified(database, target)
    return f"CREATE MATERIALIZED VIEW IF NOT EXISTS {view} TO {into}\nAS {select}"


def _landing(data_source: str, columns: Mapping[str, str], database: str) -> TableShape:
    owner = recorded_owner(database, f"CAST({identifier(FENCE_KEY)}, 'String')")
    constraints = (
        Constraint(CLOSED_CONSTRAINT, f"{recorded_owner(database, literal(data_source))} = {OPEN}"),
        Constraint(FENCE_TABLE, f"{identifier(OWNER)} = {owner}"),
    )
    return TableShape(_columns(columns), _KEEPS_NOTHING, constraints=constraints)


def _columns(columns: Mapping[str, str]) -> tuple[ColumnShape, ...]:
    return tuple(ColumnShape(name, kind) for name, kind in columns.items())


def _views(source: SourceShape, quarantine: TableShape, sql: MappingSql, database: str) -> tuple[str, ...]:
    """The last ones first: each is there before rows come to it, and before the one that looks for it."""
    name, tables, view = source.name, passage_tables(source.name), views(source.name)

    def storing(by: str, select: str, settings: str = "") -> str:
        guarded = _guarded(select, database, name, source.table.kept_names)
        return view_ddl(database, by, name, guarded + settings)

    def explaining(by: str, select: str, settings: str = "") -> str:
        target = quarantine_table(name)
        return view_ddl(database, by, target, _guarded(select, database, target, quarantine.kept_names) + settings)

    def going_on(by: str, table: str, select: str, *behind: str, settings: str = "") -> str:
        return view_ddl(database, by, table, f"{select} {_are_there(database, behind)}{settings}")

    return (
        storing(view.store, sql.store),
        explaining(view.explain, sql.explain),
        storing(view.store_again, sql.store_again, sql.settings),
        explaining(view.explain_again, sql.explain_again, sql.settings),
        going_on(view.accept, tables.accepted, f"{sql.accept} AND", view.store),
        going_on(view.reject, tables.rejected, f"{sql.reject} AND", view.explain),
        going_on(view.doubt, tables.doubtful, f"{sql.doubt} AND", view.store_again, view.explain_again),
        going_on(view.parse, tables.parsed, f"{sql.parse}\nWHERE", *view[1:4], settings=sql.settings),
    )


def _guarded(select: str, database: str, table: str, columns: Iterable[str]) -> str:
    """A view's SELECT that fails, before it stores anything, when its target is without one of these columns:
    ClickHouse itself leaves out what has no column there, without a word. It is looked up once an insert."""
    missing = (call("NOT hasColumnInTable", literal(database), literal(table), literal(name)) for name in columns)
    said = f"{table} is without a column that is to be filled"
    return f"{select}\nWHERE throwIf({' OR '.join(missing)}, {literal(said)}) = 0"


def _are_there(database: str, wanted: Iterable[str]) -> str:
    """SQL that is true, and fails where one of these views is missing (UNKNOWN_TABLE, whatever the column): a view
    looks for those behind it, 0.1 ms an insert. By the number of rows written those who insert see that the first one
    is missing, and no more: it has no upper bound, since views of the project write behind the table too."""
    return " AND ".join(f"NOT {call('hasColumnInTable', literal(database), literal(v), literal(''))}" for v in wanted)
