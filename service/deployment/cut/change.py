"""Carries out what a deploy does to views, while events come in.

How `apply` uses it, with the lock held:

1. `drop_unmade(door)` first of all, before the plan is read again and before anything may open a door: views that a
   deploy began and whose cut it did not end are dropped, as rows that came through them are not known to any fill.
2. tables and mappings as before, so that what a view reads and writes is there.
3. `change_views(door, …)` once, also when `changes` is empty and an earlier deploy left something
   (`service.deployment.cut.steps.read_unfinished`): it goes on with that.

Whoever compares a project with a database takes `read_unfinished(client, database)` into account: a view of `unmade`
counts as not there (it is `new`), and with `unfilled` or leftovers a plan is not empty (`ViewChanges.unfilled`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from schemas.model import Project
from schemas.tables.views.view import ViewChanges, ViewShape
from service.deployment.door import Door, OpenRecords


def drop_unmade(door: Door) -> None:
    """Undo the cut that a deploy which died had begun and not written down. Without one it is a small question.

    Raises `InsertsRunningError`, `LockLostError` and what the client raises.
    """
    raise NotImplementedError


def change_views(
    door: Door,
    *,
    project: Project,
    views: Sequence[ViewShape],
    changes: ViewChanges,
    comment_of: Callable[[ViewShape], str],
    records: OpenRecords | None,
) -> None:
    """Remove, change and make views, and fill the new ones from what their sources hold.

    `views` are all of the project's, each after those that it reads from, the new and the changed ones among them: what
    is filled into a table goes on through all views behind it. `comment_of` gives the text that is written down with a
    view, in the same step that makes it known as made. A view of another target is `gone` and `new` at once; `changed`
    keeps its target. `records` as for `apply`. Progress is told to people by `door.tell`.

    Run again after it died anywhere, it does what is left to do, also with other `views`: a fill that was begun is
    finished with the view's present SELECT, from the rows that its source held at the cut.

    Raises `RefusedStatementError` for what ClickHouse does not take, in the words of the files, `InsertsRunningError`,
    `UnsettledError` when batches stay half stored (nothing is changed then), `LockLostError`, and what the client
    raises for a server that does not answer.
    """
    raise NotImplementedError
