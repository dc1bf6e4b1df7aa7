"""The changes of what stands beside a table's columns: keys, TTL, settings, indexes and projections."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.sql.text import identifier
from schemas.tables.change import TTL, Change, Effect
from schemas.tables.ddl.tables import index_ddl, projection_ddl
from schemas.tables.diff.comparison import Comparison, plain
from schemas.tables.settings import EVENT_SETTINGS, KNOWS_BATCHES, WINDOW_SETTING, assignments, projection_settings


def key_changes(table: Comparison) -> Iterator[Change]:
    """What no ALTER can change."""
    before = table.deployed.keys.by_clause()
    for clause, text in table.wanted.keys.by_clause().items():
        if plain(before[clause]) != plain(text):
            said = f"the {clause} is `{before[clause]}` and should become `{text}`"
            hint = "ClickHouse cannot change it in place: give the new data source another name, or copy the data"
            yield Change(Effect.REFUSED, table.name, said, hint=hint)


def event_setting_changes(table: Comparison) -> Iterator[Change]:
    """What a table that takes events, or that views write into, needs to be set, whatever its file says."""
    wanted = table.wanted
    if not (wanted.is_merge_tree and (wanted.takes_events or wanted.is_target)):
        return
    actual = table.actual.settings
    for needed in EVENT_SETTINGS if wanted.takes_events else (KNOWS_BATCHES,):
        name, value = needed.setting.name, needed.setting.value
        if name not in actual or (name == WINDOW_SETTING and not table.actual.has_window):
            modify = f"{table.alter} MODIFY SETTING {name} = {value}"
            yield Change(Effect.ADDS, table.name, needed.purpose, (modify,), loses=needed.loses)


def ttl_changes(table: Comparison) -> Iterator[Change]:
    wanted = table.wanted.ttl
    if wanted == table.deployed.ttl:
        return
    if wanted:
        said, statement = (
            f"the TTL becomes `{wanted}`: older rows will be deleted",
            f"{table.alter} MODIFY TTL {wanted}",
        )
    else:
        said, statement = "remove the TTL", f"{table.alter} REMOVE TTL"
    # What is gone already, by a deploy that died, ClickHouse refuses to remove.
    statements = (statement,) if wanted or table.actual.ttl else ()
    yield Change(Effect.ALTERS, table.name, said, statements, part=TTL)


def setting_changes(table: Comparison) -> Iterator[Change]:
    wanted, was = table.wanted.settings, table.deployed.settings
    if wanted == was:
        return
    before, after = assignments(was), assignments(wanted)
    gone = sorted(before.keys() - after.keys())
    statements = []
    if after:
        statements.append(f"{table.alter} MODIFY SETTING {wanted}")
    if gone:
        statements.append(f"{table.alter} RESET SETTING {', '.join(gone)}")
    yield Change(Effect.ALTERS, table.name, f"the settings become `{wanted}`", tuple(statements))


def index_changes(table: Comparison) -> Iterator[Change]:
    """An index that is another now is dropped and built anew."""
    wanted, deployed = set(table.wanted.indexes), set(table.deployed.indexes)
    for index in table.deployed.indexes:
        if index not in wanted:
            drop = f"{table.alter} DROP INDEX IF EXISTS {identifier(index.name)}"
            yield Change(Effect.ALTERS, table.name, f"drop the index `{index.name}`", (drop,))
    for index in table.wanted.indexes:
        if index not in deployed:
            build = (
                f"{table.alter} ADD {index_ddl(index, if_not_exists=True)}",
                f"{table.alter} MATERIALIZE INDEX {identifier(index.name)}",
            )
            yield Change(Effect.ADDS, table.name, f"add the index `{index.name}` and build it", build)


def projection_changes(table: Comparison) -> Iterator[Change]:
    wanted, deployed = set(table.wanted.projections), set(table.deployed.projections)
    for projection in table.deployed.projections:
        if projection not in wanted:
            drop = f"{table.alter} DROP PROJECTION IF EXISTS {identifier(projection.name)}"
            yield Change(Effect.ALTERS, table.name, f"drop the projection `{projection.name}`", (drop,))
    for projection in table.wanted.projections:
        if projection not in deployed:
            build = (
                *_before_projections(table),
                f"{table.alter} ADD {projection_ddl(projection, if_not_exists=True)}",
                f"{table.alter} MATERIALIZE PROJECTION {identifier(projection.name)}",
            )
            said = f"add the projection `{projection.name}` and build it: its columns are stored and merged a second"
            yield Change(Effect.ADDS, table.name, f"{said} time", build)


def _before_projections(table: Comparison) -> Iterator[str]:
    needed = [setting for setting in projection_settings(table.wanted.engine_name) if setting in table.wanted.needed]
    if needed:
        settings = ", ".join(f"{setting.name} = {setting.value}" for setting in needed)
        yield f"{table.alter} MODIFY SETTING {settings}"
    # What is built of a part holds its deleted rows too, and answers them (tried on 26.9).
    if table.actual.has_deleted_rows:
        yield f"{table.alter} APPLY DELETED MASK"
