"""The changes of a table's columns: what is added, what alters in place, and what would lose data."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.sql.text import identifier
from schemas.tables.actual import ActualColumn
from schemas.tables.change import Change, Effect
from schemas.tables.ddl.tables import column_ddl, hidden_ddl
from schemas.tables.diff.comparison import Comparison, plain
from schemas.tables.shape import ColumnShape, HiddenColumn
from schemas.tables.stored_zone import stored_type


def column_changes(table: Comparison) -> Iterator[Change]:
    """Of the columns that the file declares, in its order, then of those that it does not."""
    if table.wanted.selected_by:
        return  # ClickHouse takes them from the SELECT
    deployed = {column.name: column for column in table.deployed.columns}
    place = "FIRST"
    for column in table.wanted.columns:
        actual = table.actual.columns.get(column.name)
        if actual is None:
            text = f"{table.alter} ADD COLUMN IF NOT EXISTS {_definition(column, in_utc=table.names_zone)} {place}"
            said = f"add the column `{column.name}`"
            yield Change(Effect.ADDS, table.name, said, (text,), part=column.name, answers=True)
        elif column.name in deployed:
            yield from _changed(table, column, deployed[column.name], actual)
        place = f"AFTER {identifier(column.name)}"
    for name in table.actual.columns:
        if name not in table.wanted.all_names:
            yield _undeclared(table, name)


def hidden_changes(table: Comparison) -> Iterator[Change]:
    """The hidden columns that a table is without."""
    for column in missing_hidden(table):
        adds = tuple(f"{table.alter} ADD COLUMN IF NOT EXISTS {text}" for text in hidden_ddl(column))
        yield Change(Effect.ADDS, table.name, f"add the hidden column `{column.name}`", adds, part=column.name)


def missing_hidden(table: Comparison) -> Iterator[HiddenColumn]:
    for column in table.wanted.hidden:
        if not all(name in table.actual.columns for name in column.names):
            yield column


def _definition(column: ColumnShape, *, in_utc: bool) -> str:
    return column_ddl(column.in_utc() if in_utc else column)


def _undeclared(table: Comparison, name: str) -> Change:
    return Change(
        Effect.REFUSED,
        table.name,
        f"the column `{name}` is in the table but not in the file: to drop it would lose its data",
        hint=f"put it back into the file, or drop it by hand: {table.alter} DROP COLUMN {identifier(name)}",
        part=name,
    )


def _changed(table: Comparison, column: ColumnShape, was: ColumnShape, actual: ActualColumn) -> Iterator[Change]:
    # A table that was made while the server was in UTC stays as it is.
    has_zone = table.names_zone and stored_type(actual.type) == actual.type
    modify = f"{table.alter} MODIFY COLUMN"
    definition = f"{modify} {_definition(column, in_utc=has_zone)}"
    # Somebody may have made by hand what is refused here, and the file says so now.
    if plain(column.type) != plain(was.type) and plain(stored_type(column.type)) != plain(stored_type(actual.type)):
        yield _retyped(table, column, was, definition)
        return
    for clause, wanted, before, is_there in (
        ("DEFAULT", column.default or "", was.default or "", bool(actual.default_kind)),
        ("CODEC", column.codec or "", was.codec or "", bool(actual.codec)),
    ):
        if wanted == before:
            continue
        if wanted:
            said, statement = f"the {clause} of `{column.name}` becomes `{wanted}`", definition
        else:
            said = f"remove the {clause} of `{column.name}`"
            statement = f"{modify} {identifier(column.name)} REMOVE {clause}"
        # What is gone already, by a deploy that died, ClickHouse refuses to remove.
        statements = (statement,) if wanted or is_there else ()
        yield Change(Effect.ALTERS, table.name, said, statements, part=column.name)


def _retyped(table: Comparison, column: ColumnShape, was: ColumnShape, definition: str) -> Change:
    said = f"the column `{column.name}` is `{was.type}` and should become `{column.type}`"
    if plain(column.type) == plain(f"Nullable({was.type})"):
        return Change(Effect.ALTERS, table.name, said, (definition,), part=column.name, answers=True)
    hint = "only a column that becomes Nullable changes in place: add a column, or a data source of another name"
    return Change(Effect.REFUSED, table.name, said, hint=hint, part=column.name, answers=True)
