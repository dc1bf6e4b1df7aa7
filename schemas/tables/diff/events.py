"""The changes of what a data source that takes events has beside its table: quarantine, mapping and door."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from schemas.own_names import IMPORT_ID, passage_tables, quarantine_table, views
from schemas.sql.text import identifier
from schemas.tables.actual import Actual
from schemas.tables.change import Change, Effect
from schemas.tables.ddl.door import OPEN, door_ddl
from schemas.tables.ddl.mapping import mapping_ddl
from schemas.tables.ddl.tables import column_ddl, quarantine_ddl
from schemas.tables.diff.columns import hidden_changes
from schemas.tables.diff.comparison import Comparison
from schemas.tables.settings import DEDUPLICATION_WINDOW, WINDOW_SETTING
from schemas.tables.shape import TableShape
from schemas.tables.source_shape import SourceShape


def quarantine_changes(
    source: SourceShape, wanted: TableShape, actual: Actual, database: str, *, names_zone: bool
) -> Iterator[Change]:
    """Columns and settings that it is without. What it has besides stays: nobody's file describes it."""
    name = quarantine_table(source.name)
    found = actual.tables.get(name)
    if found is None:
        create = quarantine_ddl(source, database, names_zone=names_zone)
        yield Change(Effect.ADDS, name, "create the quarantine", (create,))
        return
    table = Comparison(name, database, wanted, wanted, found, names_zone)
    for column in wanted.columns:
        if column.name not in found.columns:
            place = f"AFTER {identifier(IMPORT_ID)}"
            text = f"{table.alter} ADD COLUMN IF NOT EXISTS {column_ddl(column)} {place}"
            yield Change(Effect.ADDS, name, f"add the column `{column.name}`", (text,), part=column.name)
    yield from (replace(change, loses=True) for change in hidden_changes(table))
    if not found.has_window:
        setting = f"{table.alter} MODIFY SETTING {WINDOW_SETTING} = {DEDUPLICATION_WINDOW}"
        yield Change(Effect.ADDS, name, "let it know a batch that is sent again", (setting,), loses=True)


def mapping_changes(source: SourceShape, actual: Actual, database: str) -> Iterator[Change]:
    """The mapping, made anew as a whole when a part of it is missing or it is another."""
    mapping = mapping_ddl(source, database)
    assert mapping is not None
    landing = actual.tables.get(mapping.landing)
    is_whole = all(part in actual.tables for part in (*passage_tables(source.name), *views(source.name)))
    if is_whole and landing is not None and landing.comment == mapping.fingerprint:
        return
    yield Change(
        Effect.ADDS,
        source.name,
        f"{'create' if landing is None else 'replace'} the mapping of messages to rows",
        mapping.statements,
        mapping=mapping,
        replaces_mapping=landing is not None,
        # A landing table without a name was not made by a deploy, or by one that died.
        loses=landing is not None and (not is_whole or not landing.comment),
    )


def door_changes(source: SourceShape, actual: Actual, found: Sequence[Change], database: str) -> Iterator[Change]:
    """The opening of a door that nothing else of what was `found` opens."""
    if source.name in actual.closed and not any(change.mapping for change in found):
        opening = door_ddl(source.name, database=database, holder=OPEN)
        said = "open the landing table, which a deploy that is running, or died, has closed"
        yield Change(Effect.ADDS, source.name, said, (opening,), opens=True)
