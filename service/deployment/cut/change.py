"""Carries out what a deploy does to views, while events come in.

How `apply` uses it, with the lock held:

1. `end_former(door, …)` first of all, before the plan is read again, before a table is altered and before anything may
   open a door. Views that a deploy began and whose cut it did not end are dropped, as rows that came through them are
   in no record; and what was filled to its end takes its targets' places, while they are what it was filled for.
2. Tables and mappings as before, so that what a view reads and writes is there.
3. `change_views(door, …)` once, also when nothing changes and an earlier deploy left something.

Whoever compares a project with a database takes `read_unfinished(client, database)` of `service.deployment.cut.steps`
into account.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from schemas.feed import feed_of
from schemas.model import Project
from schemas.tables.views.view import ViewChanges, ViewShape
from service.deployment.cut.exchange import Exchange, clean_up
from service.deployment.cut.fill import Fill
from service.deployment.cut.graph import Graph, read_graph, waves
from service.deployment.cut.steps import Progress, Steps, read_progress
from service.deployment.cut.views import CommentOf, Making, swap_views, undo
from service.deployment.door import Door, OpenRecords
from service.deployment.records import known_records


def end_former(door: Door, *, project: Project, records: OpenRecords | None) -> None:
    """Undo or end what a deploy that died had begun and cannot be gone on with later. Usually one small question.

    Raises what `change_views` raises.
    """
    progress, steps = read_progress(door.client, door.database), Steps(door.lock, door.database)
    if progress is None:
        return
    for cut in progress.unmade:
        undo(door, steps, cut)
    if progress.ready is not None and not progress.is_done:
        _exchange(door, project, progress, records)
    if progress.ready is not None or not progress.views:
        clean_up(door, steps, read_graph(door.client, door.database).tables)


def reopen(door: Door, data_sources: Collection[str]) -> None:
    """Open what a deploy that died left closed, for a service that does not go on with its fills: a cut that is not
    written down is undone first. What is filled and not exchanged is no hindrance: each target is whole in itself.

    Raises `InsertsRunningError`, `LockLostError` and what the client raises.
    """
    progress = read_progress(door.client, door.database)
    for cut in progress.unmade if progress is not None else ():
        undo(door, Steps(door.lock, door.database), cut)
    door.take(*data_sources)
    door.open_after_change(*data_sources)


def change_views(
    door: Door,
    *,
    project: Project,
    views: Sequence[ViewShape],
    changes: ViewChanges,
    comment_of: CommentOf,
    records: OpenRecords | None,
) -> None:
    """Remove, change and make views, and fill the new ones from what their sources hold.

    `views` are all of the project's, the new and the changed ones among them: what is filled into a table goes on
    through all views behind it. `comment_of` gives the text that is written down with a view, in the same step that
    makes it known as made. A view of another target is `gone` and `new` at once; `changed` keeps its target. `records`
    as for `apply`. Progress is told to people by `door.tell`.

    Run again after it died anywhere, it does what is left to do, also with other `views`: a fill that was begun is
    finished with the view's present SELECT, from the rows that its source held at the cut.

    Raises `RefusedStatementError` for what ClickHouse does not take, in the words of the files, `UnsettledError` when
    batches stay half stored, `MutationsRunningError`, `InsertsRunningError`, `LockLostError`, and what the client
    raises for a server that does not answer. What was done until then stands, and the next deploy goes on.
    """
    end_former(door, project=project, records=records)
    steps = Steps(door.lock, door.database)
    graph = read_graph(door.client, door.database)
    if changes.gone or changes.changed:
        swap_views(door, graph, changes.gone, changes.changed, comment_of)
        graph = read_graph(door.client, door.database)
    if changes.new:
        _tell_of_others(door, graph, views)
    _fill(door, project, steps, views, records)  # what an earlier deploy left
    for wave in waves(changes.new):
        _make(door, project, steps, wave, comment_of, records)
        _fill(door, project, steps, views, records)


def _make(
    door: Door,
    project: Project,
    steps: Steps,
    new: tuple[ViewShape, ...],
    comment_of: CommentOf,
    records: OpenRecords | None,
) -> None:
    graph = read_graph(door.client, door.database)
    number = (read_progress(door.client, door.database) or Progress()).next_number
    names = _with_feed(project, graph.with_views(new).doors({view.target for view in new}))
    holds = any(graph.tables[view.source].may_hold_rows for view in new if view.source in graph.tables)
    with known_records(door.client, project, door.database, names if holds else (), records, door.tell) as known:
        Making(door, steps, number, new, comment_of, known).make(graph)


def _fill(door: Door, project: Project, steps: Steps, views: Sequence[ViewShape], records: OpenRecords | None) -> None:
    progress = read_progress(door.client, door.database)
    if progress is None:
        return
    graph = read_graph(door.client, door.database)
    steps.ready(Fill(door, graph, steps, progress).all(views))
    progress = read_progress(door.client, door.database) or progress
    _exchange(door, project, progress, records)
    clean_up(door, steps, read_graph(door.client, door.database).tables)


def _exchange(door: Door, project: Project, progress: Progress, records: OpenRecords | None) -> None:
    targets = [target for target, pieces in (progress.ready or {}).items() if pieces]
    names = _with_feed(project, read_graph(door.client, door.database).doors(targets))
    with known_records(door.client, project, door.database, names, records, door.tell) as known:
        Exchange(door, Steps(door.lock, door.database), known).all(progress)


def _with_feed(project: Project, data_sources: Iterable[str]) -> tuple[str, ...]:
    """Those that a topic feeds as far as the project says."""
    sources = project.data_sources
    return tuple(name for name in data_sources if name in sources and feed_of(sources[name]) is not None)


def _tell_of_others(door: Door, graph: Graph, views: Sequence[ViewShape]) -> None:
    """What is filled into a table does not go on through views that are not the project's."""
    ours = {view.name for view in views}
    targets = {view.target for view in views if view.fills}
    for name, sources in graph.sources.items():
        if name not in ours and name in graph.targets and (read := sources & targets):
            tables = ", ".join(f"`{table}`" for table in sorted(read))
            door.tell(
                f"note: the view `{name}` reads {tables} and is not the project's: what is filled into that table does"
                " not go on through it"
            )
