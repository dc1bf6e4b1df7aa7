"""All changes of a data source's own table: from one shape to another, each with what it does to what is stored."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.sql.text import literal
from schemas.tables.actual import ActualTable
from schemas.tables.change import Change, Effect
from schemas.tables.ddl.tables import selected_table_ddl, table_ddl
from schemas.tables.deployed import to_comment
from schemas.tables.diff.clauses import (
    event_setting_changes,
    index_changes,
    key_changes,
    projection_changes,
    setting_changes,
    ttl_changes,
)
from schemas.tables.diff.columns import column_changes, hidden_changes
from schemas.tables.diff.comparison import Comparison, deployed_shape
from schemas.tables.source_shape import SourceShape
from schemas.tables.views.view import ViewShape


def own_table_changes(
    source: SourceShape,
    actual: ActualTable | None,
    database: str,
    *,
    names_zone: bool,
    select: ViewShape | None = None,
) -> Iterator[Change]:
    """The table made, or brought to its shape, which its comment notes at the end. `select` gives the columns of one
    that no file describes."""
    if actual is None:
        yield _created(source, database, select, names_zone=names_zone)
        return
    deployed = deployed_shape(actual, source.table)
    table = Comparison(source.name, database, source.table, deployed, actual, names_zone)
    found = tuple(shape_changes(table))
    yield from found
    effects = {change.effect for change in found}
    comment = to_comment(source.table)
    if Effect.REFUSED not in effects and actual.comment != comment:
        note = f"{table.alter} MODIFY COMMENT {literal(comment)}"
        effect = Effect.ALTERS if Effect.ALTERS in effects else Effect.ADDS
        yield Change(effect, source.name, "note what is deployed", (note,), is_note=not found)


def shape_changes(table: Comparison) -> Iterator[Change]:
    """What makes the wanted shape of the deployed one, in the order in which it must be made."""
    yield from key_changes(table)
    yield from column_changes(table)
    yield from hidden_changes(table)
    yield from event_setting_changes(table)
    yield from ttl_changes(table)
    yield from setting_changes(table)
    yield from index_changes(table)
    yield from projection_changes(table)


def _created(source: SourceShape, database: str, select: ViewShape | None, *, names_zone: bool) -> Change:
    # With its shape from the start: a deploy that dies behind this leaves no table that looks made by hand.
    comment = to_comment(source.table)
    if select is not None:
        said = f"create the table, {source.table.engine_name}, with the columns that `{select.name}` selects"
        create = selected_table_ddl(source, database, comment, select.select(database))
    else:
        said = f"create the table, {source.table.engine_name}, {len(source.table.columns)} columns"
        create = f"{table_ddl(source, database, names_zone=names_zone)}\nCOMMENT {literal(comment)}"
    return Change(Effect.ADDS, source.name, said, (create,), answers=True)
