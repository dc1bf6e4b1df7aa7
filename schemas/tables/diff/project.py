"""What has to change in ClickHouse so that it holds what the project says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from schemas.model import Project
from schemas.own_names import FENCE_TABLE, quarantine_table
from schemas.sql.text import literal, qualified
from schemas.tables.actual import Actual
from schemas.tables.change import Change, Effect
from schemas.tables.ddl.door import fence_ddl
from schemas.tables.deployed import from_comment
from schemas.tables.diff.by_hand import changed_by_hand
from schemas.tables.diff.events import door_changes, mapping_changes, quarantine_changes
from schemas.tables.diff.table import own_table_changes
from schemas.tables.diff.views import NOTHING_LEFT, Unfinished, done_writers
from schemas.tables.made import from_note, is_as_made, made_of, to_note
from schemas.tables.source_shape import SourceShape, shape_of
from schemas.tables.views.project import NO_VIEWS, ProjectViews


def diff(
    project: Project,
    actual: Actual,
    database: str,
    *,
    views: ProjectViews = NO_VIEWS,
    unfinished: Unfinished = NOTHING_LEFT,
    names_zone: bool = False,
) -> tuple[Change, ...]:
    """The changes for all data sources of the project, in the order in which they must be made. `views` are the
    project's. `names_zone`: what is made gets UTC as the zone of times that have none, as the server's own is another.

    Tables that no file describes are left alone: a file may be gone while its data are still wanted.
    """
    sources = [
        _with_writers(shape_of(each, is_target=views.has_target(each.name)), views, actual, unfinished)
        for each in project.data_sources.values()
    ]
    sources = [*(each for each in sources if not each.table.selected_by), *_selected(sources, views)]
    changes: list[Change] = []
    if any(source.takes_events for source in sources) and FENCE_TABLE not in actual.tables:
        changes.append(Change(Effect.ADDS, FENCE_TABLE, "create the table of partition owners", (fence_ddl(database),)))
    for source in sources:
        noted = _noted_in(source, actual)
        found = _source_changes(source, actual, database, views, names_zone=names_zone)
        changes += (replace(change, data_source=source.name, note_in=noted) for change in found)
    return tuple(changes)


def _with_writers(source: SourceShape, views: ProjectViews, actual: Actual, unfinished: Unfinished) -> SourceShape:
    """The shape with every view that ever wrote into its table: what is noted, and what is there by now."""
    found = actual.tables.get(source.name)
    noted = from_comment(found.comment) if found is not None else None
    writers = {*(noted.writers if noted is not None else ()), *done_writers(views, source.name, actual, unfinished)}
    ordered = tuple(sorted(writers, key=lambda writer: (writer.view, writer.source))) if found is not None else ()
    return replace(source, table=replace(source.table, writers=ordered))


def _selected(sources: Sequence[SourceShape], views: ProjectViews) -> Iterator[SourceShape]:
    """The data sources that only a SELECT describes, each after those that it reads from; not those without one."""
    named = {source.table.selected_by: source for source in sources if source.table.selected_by}
    for shape in views.shapes:
        source = named.get(shape.name)
        if source is not None and source.name == shape.target:
            yield source


def _source_changes(
    source: SourceShape, actual: Actual, database: str, views: ProjectViews, *, names_zone: bool
) -> list[Change]:
    select = next((shape for shape in views.shapes if shape.name == source.table.selected_by), None)
    there = actual.tables.get(source.name)
    found = list(own_table_changes(source, there, database, select=select, names_zone=names_zone))
    if source.quarantine is not None:
        found += quarantine_changes(source, source.quarantine, actual, database, names_zone=names_zone)
        found += mapping_changes(source, actual, database)
        found += door_changes(source, actual, tuple(found), database)
        found += _by_hand(source, actual, tuple(found), database, names_zone=names_zone)
    return found


def _noted_in(source: SourceShape, actual: Actual) -> str:
    quarantine = actual.tables.get(quarantine_table(source.name))
    return quarantine.name if quarantine is not None and quarantine.comment else ""


def _by_hand(
    source: SourceShape, actual: Actual, found: Sequence[Change], database: str, *, names_zone: bool
) -> Iterator[Change]:
    """What somebody changed since the last deploy, or the note by which that is seen."""
    quarantine = actual.tables.get(quarantine_table(source.name))
    if quarantine is None or source.name not in actual.tables:
        return
    noted, now = from_note(quarantine.comment), made_of(source.name, actual.tables, actual.version)
    changed = (
        tuple(changed_by_hand(source, noted, now, found, database, names_zone=names_zone)) if noted is not None else ()
    )
    yield from changed
    makes = any(not change.is_note for change in found)
    if makes or changed or (noted is not None and is_as_made(noted, now)):
        return
    comment = f"ALTER TABLE {qualified(database, quarantine.name)} MODIFY COMMENT {literal(to_note(now))}"
    yield Change(Effect.ADDS, quarantine.name, "note what ClickHouse made", (comment,), is_note=True)
