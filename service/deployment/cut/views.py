"""Makes, changes and removes views behind closed doors, and takes what the sources of new ones hold at that moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.own_names import WORK_PREFIX
from schemas.sql.text import literal, qualified
from schemas.tables.ddl.mapping import view_ddl
from schemas.tables.ddl.views import drop_view_ddl
from schemas.tables.views.view import ViewShape
from service.deployment.cut.clones import clone, prepare_clone
from service.deployment.cut.graph import Graph, in_order, read_graph
from service.deployment.cut.mutations import await_mutations, has_mutations
from service.deployment.cut.steps import Cut, Steps
from service.deployment.door import Door, Records
from service.deployment.refusals import is_refusal, reason_of_refusal
from service.errors import RefusedStatementError, UnsettledError

CommentOf = Callable[[ViewShape], str]

_ROWS_A_PIECE = 2_000_000
_PIECES = 200


def swap_views(
    door: Door, graph: Graph, gone: Collection[str], changed: Sequence[ViewShape], comment_of: CommentOf
) -> None:
    """Remove views, and give others their new SELECT. Batches that are half stored need not be waited for: those that
    are sent again are known to every target by the names of the views on their way, which stay what they are."""
    touched = {source for view in (*gone, *(view.name for view in changed)) for source in graph.sources.get(view, ())}
    data_sources = graph.doors({*touched, *(view.source for view in changed)})
    door.settle(data_sources, None)
    try:
        for name in gone:
            door.lock.run(drop_view_ddl(name, door.database))
        for view in changed:
            name = qualified(door.database, view.name)
            _run(door, view, f"ALTER TABLE {name} MODIFY QUERY {view.select(door.database)}")
            # What is in its target is not what this SELECT would give of all of its source.
            note = comment_of(replace(view, fills=False))
            _run(door, view, f"ALTER TABLE {name} MODIFY COMMENT {literal(note)}")
    except RefusedStatementError:
        door.open_after_change(*data_sources)
        raise
    door.open_after_change(*data_sources)


@dataclass(frozen=True, slots=True)
class Making:
    """The cut at which new views begin. Their sources' rows until then are in clones when it is made."""

    door: Door
    steps: Steps
    number: int  # of the cut
    views: tuple[ViewShape, ...]
    comment_of: CommentOf
    records: Records | None

    def make(self, graph: Graph) -> None:
        """Raises `RefusedStatementError`, `UnsettledError`, `MutationsRunningError` and what the door and the client
        raise; nothing is changed then, but by a deploy that dies here, which the next one undoes."""
        for view in self.views:
            self._try(view)
        data_sources = graph.with_views(self.views).doors({view.target for view in self.views})
        sources = _sources(graph, self.views)
        if not sources and self._make_of_nothing(data_sources):
            return
        await_mutations(self.door, sources)
        cut = self._cut(graph, data_sources, sources)
        self.steps.begun(cut)
        try:
            for source, table in cut.clones.items():
                prepare_clone(self.door, graph.tables[source], table)
            self._close(cut, self.records)
            self._make_views()
            for source, table in cut.clones.items():
                clone(self.door, graph.tables[source], table)
            self.steps.made(cut)
        except BaseException:
            with suppress(Exception):  # the next deploy does it
                undo(self.door, self.steps, cut)
            raise
        self.door.open_after_change(*data_sources)

    def _make_of_nothing(self, data_sources: tuple[str, ...]) -> bool:
        """Make them while their sources are empty, so that there is nothing to take and no batch can count twice.
        Whether they were."""
        names = tuple(view.name for view in self.views)
        cut = Cut(str(self.door.lock.holder), self.number, names, data_sources, {}, _ROWS_A_PIECE)
        self.steps.begun(cut)
        try:
            self._close(cut, None)
            is_empty = not _sources(read_graph(self.door.client, self.door.database), self.views)
            if is_empty:
                self._make_views()
                self.steps.made(cut)
        except BaseException:
            with suppress(Exception):  # the next deploy does it
                undo(self.door, self.steps, cut)
            raise
        if not is_empty:
            self.steps.undone(cut)
        self.door.open_after_change(*data_sources)
        return is_empty

    def _cut(self, graph: Graph, data_sources: tuple[str, ...], sources: Sequence[str]) -> Cut:
        holder = self.door.lock.holder
        rows = sum(graph.tables[source].rows or 0 for source in sources)
        return Cut(
            f"{holder}_filled",
            self.number,
            tuple(view.name for view in self.views),
            data_sources,
            {source: f"{WORK_PREFIX}clone_{holder}_{number}" for number, source in enumerate(sources)},
            max(_ROWS_A_PIECE, rows // _PIECES),
        )

    def _close(self, cut: Cut, records: Records | None) -> None:
        left = self.door.settle(cut.data_sources, records)
        if left or has_mutations(self.door, tuple(cut.clones)):
            raise UnsettledError(left, tuple(sorted({view.source for view in self.views})))

    def _make_views(self) -> None:
        """The last ones first: each is there before rows come to it."""
        database = self.door.database
        for view in reversed(in_order(self.views)):
            _run(self.door, view, view_ddl(database, view.name, view.target, view.select(database)))
            name = qualified(database, view.name)
            _run(self.door, view, f"ALTER TABLE {name} MODIFY COMMENT {literal(self.comment_of(view))}")

    def _try(self, view: ViewShape) -> None:
        """What ClickHouse refuses of the SELECT is known before a door is closed."""
        _run(self.door, view, f"DESCRIBE ({view.select(self.door.database)}\n)")


def undo(door: Door, steps: Steps, cut: Cut) -> None:
    """Drop the views of a cut that was not made, before a row can come through them."""
    door.take(*cut.data_sources)
    door.await_begun(*cut.data_sources)
    for name in cut.views:
        door.lock.run(drop_view_ddl(name, door.database))
    steps.undone(cut)
    door.open_after_change(*cut.data_sources)


def _sources(graph: Graph, views: Iterable[ViewShape]) -> tuple[str, ...]:
    """What holds rows that a new view is to be filled from."""
    wanted = dict.fromkeys(view.source for view in views if view.fills)
    return tuple(name for name in wanted if (table := graph.tables.get(name)) and table.may_hold_rows)


def _run(door: Door, view: ViewShape, statement: str) -> None:
    try:
        door.lock.run(statement)
    except DatabaseError as error:
        if not is_refusal(error):
            raise
        raise _refused(view, error) from error


def _refused(view: ViewShape, error: DatabaseError) -> RefusedStatementError:
    return RefusedStatementError(
        f"{view.place}: ClickHouse refuses the view `{view.name}` into `{view.target}`: {reason_of_refusal(error)}",
        "change its SELECT and deploy again",
    )
