"""Makes, changes and removes views, while the landing tables in front of them are closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from schemas.feed import feed_of
from schemas.model import Project
from schemas.tables.ddl.views import drop_view_ddl, project_view_ddl
from schemas.tables.views.view import ViewChanges, ViewShape
from service.deployment.door import Door, OpenRecords


def drop_unmade(door: Door) -> None:
    """Undo the cut that a deploy which died had begun and not written down."""


def change_views(
    door: Door,
    *,
    project: Project,
    views: Sequence[ViewShape],  # noqa: ARG001  fills go through all of them, and nothing is filled yet
    changes: ViewChanges,
    comment_of: Callable[[ViewShape], str],
    records: OpenRecords | None,  # noqa: ARG001  asked when cuts are settled, which they are not yet
) -> None:
    """Remove, change and make views. `comment_of` gives the text that is written down with a view."""
    closed = [each.name for each in project.data_sources.values() if feed_of(each) is not None]
    for name in closed:
        door.take(name)
    for name in (*changes.gone, *(shape.name for shape in changes.changed)):
        door.lock.run(drop_view_ddl(name, door.database))
    for shape in reversed((*changes.changed, *changes.new)):
        door.lock.run(project_view_ddl(shape, door.database, comment_of(shape)))
    for name in closed:
        door.open(name)
