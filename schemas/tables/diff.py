"""What has to change in ClickHouse so that it holds what the project says: from two descriptions to statements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from schemas.feed import feed_of
from schemas.files.engine import without_brackets
from schemas.model import Column, DataSource, Project
from schemas.own_names import FENCE_TABLE, incoming, passage_tables, quarantine_table, views
from schemas.sql.text import identifier, literal, qualified
from schemas.tables.actual import Actual, ActualColumn, ActualTable
from schemas.tables.by_hand import changed_by_hand
from schemas.tables.change import Change, Effect
from schemas.tables.ddl import (
    DEDUPLICATION_WINDOW,
    OPEN,
    WINDOW_SETTING,
    column_ddl,
    door_ddl,
    event_settings,
    fence_ddl,
    hidden_columns_of,
    hidden_ddl,
    index_ddl,
    indexes_of,
    mapping_ddl,
    projection_ddl,
    projection_settings,
    quarantine_columns,
    quarantine_ddl,
    quarantined_columns,
    table_ddl,
)
from schemas.tables.deployed import ColumnRecord, Record, from_comment, record_of, to_comment
from schemas.tables.made import from_note, has_window, is_as_made, made_of, to_note
from schemas.tables.stored_zone import stored_type


def diff(project: Project, actual: Actual, database: str, *, names_zone: bool = False) -> tuple[Change, ...]:
    """The changes for all data sources of the project, in the order in which they must be made. `names_zone`: what is
    made gets UTC as the zone of times that have none, as the server's own is another.

    Tables that no file describes are left alone: a file may be gone while its data are still wanted.
    """
    changes: list[Change] = []
    feeds = any(feed_of(data_source) for data_source in project.data_sources.values())
    if feeds and FENCE_TABLE not in actual.tables:
        changes.append(Change(Effect.ADDS, FENCE_TABLE, "create the table of partition owners", (fence_ddl(database),)))
    for data_source in project.data_sources.values():
        found = list(_data_source(data_source, actual.tables, database, names_zone))
        if feed_of(data_source) is not None:
            found += _door(data_source, actual, found, database)
            found += _by_hand(data_source, actual, found, database, names_zone)
        noted = _noted_in(data_source, actual)
        changes += (replace(change, data_source=data_source.name, note_in=noted) for change in found)
    return tuple(changes)


def _door(data_source: DataSource, actual: Actual, found: list[Change], database: str) -> Iterator[Change]:
    if data_source.name in actual.closed and not any(change.mapping for change in found):
        opening = door_ddl(data_source.name, database, holder=OPEN)
        said = "open the landing table, which a deploy that is running, or died, has closed"
        yield Change(Effect.ADDS, data_source.name, said, (opening,), opens=True)


def _noted_in(data_source: DataSource, actual: Actual) -> str:
    quarantine = actual.tables.get(quarantine_table(data_source.name))
    return quarantine.name if quarantine is not None and quarantine.comment else ""


def _by_hand(
    data_source: DataSource, actual: Actual, found: list[Change], database: str, names_zone: bool
) -> Iterator[Change]:
    """What somebody changed since the last deploy, or the note by which that is seen."""
    quarantine = actual.tables.get(quarantine_table(data_source.name))
    if quarantine is None or data_source.name not in actual.tables:
        return
    noted, now = from_note(quarantine.comment), made_of(data_source.name, actual.tables, actual.version)
    changed = list(changed_by_hand(data_source, noted, now, found, database, names_zone)) if noted is not None else []
    yield from changed
    if found or changed or (noted is not None and is_as_made(noted, now)):
        return
    comment = f"ALTER TABLE {qualified(database, quarantine.name)} MODIFY COMMENT {literal(to_note(now))}"
    yield Change(Effect.ADDS, quarantine.name, "note what ClickHouse made", (comment,), is_note=True)


def _data_source(
    data_source: DataSource, actual: Mapping[str, ActualTable], database: str, names_zone: bool
) -> Iterator[Change]:
    wanted = record_of(data_source)
    table = actual.get(data_source.name)
    own: list[Change] = []
    if table is None:
        text = f"create the table, {data_source.engine.name}, {len(data_source.columns)} columns"
        # With its record from the start: a deploy that dies behind this leaves no table that looks made by hand.
        create = f"{table_ddl(data_source, database, names_zone=names_zone)}\nCOMMENT {literal(to_comment(wanted))}"
        own = [Change(Effect.ADDS, data_source.name, text, (create,), answers=True)]
    else:
        own = list(_table(data_source, table, wanted, database, names_zone))
    yield from own
    is_refused = any(change.effect is Effect.REFUSED for change in own)
    if not is_refused and table is not None and table.comment != to_comment(wanted):
        comment = f"ALTER TABLE {qualified(database, data_source.name)} MODIFY COMMENT {literal(to_comment(wanted))}"
        effect = Effect.ALTERS if any(change.effect is Effect.ALTERS for change in own) else Effect.ADDS
        yield Change(effect, data_source.name, "note what is deployed", (comment,))
    if feed_of(data_source) is not None:
        yield from _quarantine(data_source, actual, database, names_zone)
        yield from _mapping(data_source, actual, database)


def _table(
    data_source: DataSource, table: ActualTable, wanted: Record, database: str, names_zone: bool
) -> Iterator[Change]:
    name, alter = data_source.name, f"ALTER TABLE {qualified(database, data_source.name)}"
    deployed = from_comment(table.comment) or _adopted(data_source, table, wanted)
    for clause, text in wanted.keys.items():
        was = deployed.keys.get(clause, "")
        if _plain(was) != _plain(text):
            yield Change(
                Effect.REFUSED,
                name,
                f"the {clause} is `{was}` and should become `{text}`",
                hint="ClickHouse cannot change it in place: give the new data source another name, or copy the data",
            )
    yield from _columns(data_source, table, deployed, alter, names_zone)
    missing = [
        hidden
        for hidden in hidden_columns_of(data_source)
        if hidden not in table.columns or incoming(hidden) not in table.columns
    ]
    for hidden in missing:
        came_in, stored = hidden_ddl(hidden)
        adds = tuple(f"{alter} ADD COLUMN IF NOT EXISTS {text}" for text in (came_in, stored))
        yield Change(Effect.ADDS, name, f"add the hidden column `{hidden}`", adds)
    for setting, (value, why) in event_settings(data_source).items():
        if setting not in table.engine_full or (setting == WINDOW_SETTING and not has_window(table)):
            loses = setting == WINDOW_SETTING
            yield Change(Effect.ADDS, name, why, (f"{alter} MODIFY SETTING {setting} = {value}",), loses=loses)
    if deployed.ttl != wanted.ttl:
        yield _ttl(name, table, wanted.ttl, alter)
    if deployed.settings != wanted.settings:
        yield from _settings(name, deployed.settings, wanted.settings, alter)
    yield from _indexes(data_source, deployed, alter)
    yield from _projections(data_source, table, deployed, alter)


def _columns(
    data_source: DataSource, table: ActualTable, deployed: Record, alter: str, names_zone: bool
) -> Iterator[Change]:
    previous = ""
    declared = {column.name for column in data_source.columns}
    for column in data_source.columns:
        place = f"AFTER {identifier(previous)}" if previous else "FIRST"
        previous = column.name
        if column.name not in table.columns:
            text = f"{alter} ADD COLUMN IF NOT EXISTS {column_ddl(column, names_zone=names_zone)} {place}"
            yield Change(Effect.ADDS, data_source.name, f"add the column `{column.name}`", (text,), answers=True)
        elif column.name in deployed.columns:
            actual = table.columns[column.name]
            # A table that was made while the server was in UTC stays as it is.
            has_zone = names_zone and stored_type(actual.type) == actual.type
            yield from _column(data_source, column, deployed.columns[column.name], actual, alter, has_zone)
    internal = {name for hidden in hidden_columns_of(data_source) for name in (hidden, incoming(hidden))}
    for name in table.columns:
        if name not in declared | internal:
            yield Change(
                Effect.REFUSED,
                data_source.name,
                f"the column `{name}` is in the table but not in the file: to drop it would lose its data",
                hint=f"put it back into the file, or drop it by hand: {alter} DROP COLUMN {identifier(name)}",
            )


def _column(
    data_source: DataSource, column: Column, was: ColumnRecord, actual: ActualColumn, alter: str, names_zone: bool
) -> Iterator[Change]:
    kind = column.type.text if column.type else ""
    definition = column_ddl(column, names_zone=names_zone)
    modify = f"{alter} MODIFY COLUMN"
    # Somebody may have made by hand what is refused here, and the file says so now.
    if _plain(kind) != _plain(was.type) and _plain(stored_type(kind)) != _plain(stored_type(actual.type)):
        described = f"the column `{column.name}` is `{was.type}` and should become `{kind}`"
        if _plain(kind) == _plain(f"Nullable({was.type})"):
            alter_it = (f"{modify} {definition}",)
            yield Change(Effect.ALTERS, data_source.name, described, alter_it, answers=True)
        else:
            hint = (
                "only a column that becomes Nullable changes in place: add a column, or a data source of another name"
            )
            yield Change(Effect.REFUSED, data_source.name, described, hint=hint, answers=True)
        return
    for clause, wanted, before, is_there in (
        ("DEFAULT", column.default or "", was.default or "", bool(actual.default_kind)),
        ("CODEC", column.codec or "", was.codec or "", bool(actual.codec)),
    ):
        if wanted == before:
            continue
        if wanted:
            said, change = f"the {clause} of `{column.name}` becomes `{wanted}`", definition
        else:
            said, change = f"remove the {clause} of `{column.name}`", f"{identifier(column.name)} REMOVE {clause}"
        # What is gone already, by a deploy that died, ClickHouse refuses to remove.
        statements = (f"{modify} {change}",) if wanted or is_there else ()
        yield Change(Effect.ALTERS, data_source.name, said, statements)


def _ttl(name: str, table: ActualTable, wanted: str, alter: str) -> Change:
    if wanted:
        said = f"the TTL becomes `{wanted}`: older rows will be deleted"
        return Change(Effect.ALTERS, name, said, (f"{alter} MODIFY TTL {wanted}",))
    # What is gone already, by a deploy that died, ClickHouse refuses to remove.
    statements = (f"{alter} REMOVE TTL",) if " TTL " in table.engine_full else ()
    return Change(Effect.ALTERS, name, "remove the TTL", statements)


def _settings(name: str, was: str, wanted: str, alter: str) -> Iterator[Change]:
    before, after = _assignments(was), _assignments(wanted)
    gone = sorted(before.keys() - after.keys())
    statements = []
    if after:
        statements.append(f"{alter} MODIFY SETTING {wanted}")
    if gone:
        statements.append(f"{alter} RESET SETTING {', '.join(gone)}")
    yield Change(Effect.ALTERS, name, f"the settings become `{wanted}`", tuple(statements))


def _assignments(settings: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in settings.split(",") if part.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _indexes(data_source: DataSource, deployed: Record, alter: str) -> Iterator[Change]:
    wanted = {index.name: index_ddl(index) for index in indexes_of(data_source)}
    for name, text in deployed.indexes.items():
        if wanted.get(name) != text:
            yield Change(
                Effect.ALTERS,
                data_source.name,
                f"drop the index `{name}`",
                (f"{alter} DROP INDEX IF EXISTS {identifier(name)}",),
            )
    for name, text in wanted.items():
        if deployed.indexes.get(name) != text:
            build = (
                f"{alter} ADD {text.replace('INDEX', 'INDEX IF NOT EXISTS', 1)}",
                f"{alter} MATERIALIZE INDEX {identifier(name)}",
            )
            yield Change(Effect.ADDS, data_source.name, f"add the index `{name}` and build it", build)


def _projections(data_source: DataSource, table: ActualTable, deployed: Record, alter: str) -> Iterator[Change]:
    wanted = {projection.name: projection_ddl(projection) for projection in data_source.projections}
    for name, text in deployed.projections.items():
        if wanted.get(name) != text:
            drop = f"{alter} DROP PROJECTION IF EXISTS {identifier(name)}"
            yield Change(Effect.ALTERS, data_source.name, f"drop the projection `{name}`", (drop,))
    settings = ", ".join(f"{name} = {value}" for name, value in projection_settings(data_source).items())
    before = [f"{alter} MODIFY SETTING {settings}"] if settings else []
    # What is built of a part holds its deleted rows too, and answers them (tried on 26.9).
    before += [f"{alter} APPLY DELETED MASK"] if table.has_deleted_rows else []
    for name, text in wanted.items():
        if deployed.projections.get(name) != text:
            build = (
                *before,
                f"{alter} ADD {text.replace('PROJECTION', 'PROJECTION IF NOT EXISTS', 1)}",
                f"{alter} MATERIALIZE PROJECTION {identifier(name)}",
            )
            said = f"add the projection `{name}` and build it: its columns are stored and merged a second time"
            yield Change(Effect.ADDS, data_source.name, said, build)


def _quarantine(
    data_source: DataSource, actual: Mapping[str, ActualTable], database: str, names_zone: bool
) -> Iterator[Change]:
    name = quarantine_table(data_source.name)
    table = actual.get(name)
    if table is None:
        yield Change(
            Effect.ADDS, name, "create the quarantine", (quarantine_ddl(data_source, database, names_zone=names_zone),)
        )
        return
    for column, kind in quarantine_columns(data_source):
        if column not in table.columns:
            text = f"ALTER TABLE {qualified(database, name)} ADD COLUMN IF NOT EXISTS {identifier(column)} {kind}"
            yield Change(Effect.ADDS, name, f"add the column `{column}`", (f"{text} AFTER `c__import_id`",))
    shown = dict(quarantine_columns(data_source))
    hidden = (column for column in quarantined_columns(data_source) if column not in shown)
    for column in hidden:
        if column not in table.columns or incoming(column) not in table.columns:
            adds = tuple(
                f"ALTER TABLE {qualified(database, name)} ADD COLUMN IF NOT EXISTS {text}"
                for text in hidden_ddl(column)
            )
            yield Change(Effect.ADDS, name, f"add the hidden column `{column}`", adds, loses=True)
    if not has_window(table):
        setting = f"ALTER TABLE {qualified(database, name)} MODIFY SETTING {WINDOW_SETTING} = {DEDUPLICATION_WINDOW}"
        yield Change(Effect.ADDS, name, "let it know a batch that is sent again", (setting,), loses=True)


def _mapping(data_source: DataSource, actual: Mapping[str, ActualTable], database: str) -> Iterator[Change]:
    mapping = mapping_ddl(data_source, database)
    assert mapping is not None
    landing = actual.get(mapping.landing)
    parts = (*passage_tables(data_source.name), *views(data_source.name))
    is_whole = all(part in actual for part in parts)
    if is_whole and landing is not None and landing.comment == mapping.fingerprint:
        return
    text = (
        "replace the mapping of messages to rows" if landing is not None else "create the mapping of messages to rows"
    )
    yield Change(
        Effect.ADDS,
        data_source.name,
        text,
        mapping.statements,
        mapping=mapping,
        replaces_mapping=landing is not None,
        # A landing table without a name was not made by a deploy, or by one that died.
        loses=landing is not None and (not is_whole or not landing.comment),
    )


def _adopted(data_source: DataSource, table: ActualTable, wanted: Record) -> Record:
    """The record of a table that was not made by a deploy: what can be read of it, and for the rest what is wanted."""
    columns = {
        name: ColumnRecord(column.type, *_default(wanted.columns.get(name)))
        for name, column in table.columns.items()
        if name in wanted.columns
    }
    keys = wanted.keys | {"partition key": table.partition_key, "sorting key": table.sorting_key}
    if table.engine != data_source.engine.name:
        keys["engine"] = table.engine
    if _plain(table.sorting_key) == "" and wanted.keys["sorting key"] in ("", "tuple()"):
        keys["sorting key"] = wanted.keys["sorting key"]
    return Record(columns, keys, wanted.ttl, wanted.settings, {})


def _default(wanted: ColumnRecord | None) -> tuple[str | None, str | None]:
    return (wanted.default, wanted.codec) if wanted else (None, None)


def _plain(text: str) -> str:
    """A text without what ClickHouse writes differently: white space, backticks, brackets around the whole."""
    plain = "".join(character for character in text if not character.isspace() and character != "`")
    while (inner := without_brackets(plain)) != plain:
        plain = inner
    return plain
