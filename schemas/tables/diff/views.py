"""What has to change in ClickHouse so that each materialized node of the project is the view that carries it out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from schemas.feed import feed_of
from schemas.model import DataSource
from schemas.own_names import quarantined_by
from schemas.sql.text import literal, qualified
from schemas.tables.actual import Actual, ActualTable
from schemas.tables.change import Change, Effect
from schemas.tables.ddl.views import drop_view_ddl, project_view_ddl
from schemas.tables.deployed import from_comment as table_of_comment
from schemas.tables.shape import Writer
from schemas.tables.views.deployed import DeployedView, fingerprint, from_comment, to_comment, view_comment
from schemas.tables.views.project import ProjectViews
from schemas.tables.views.view import ViewChanges, ViewShape

VIEW_ENGINE = "MaterializedView"
NO_CHANGES = ViewChanges()


@dataclass(frozen=True, slots=True)
class ViewDiff:
    """The changes of views, the same as people are told them, and what is to be noted of those that are as they should
    be. What is refused is in `told` alone."""

    changes: ViewChanges = NO_CHANGES
    told: tuple[Change, ...] = ()
    notes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What deploys that died have left in a database. `unmade`: views whose cut was begun and not ended, whether they
    are there or not; they count as not there. `unfilled`: views that are made and not filled. With `has_leftovers`
    there is something to do, at least tables to drop."""

    unmade: frozenset[str] = frozenset()
    unfilled: frozenset[str] = frozenset()
    has_leftovers: bool = False


NOTHING_LEFT = Unfinished()


def diff_views(
    views: ProjectViews,
    data_sources: Mapping[str, DataSource],
    actual: Actual,
    database: str,
    unfinished: Unfinished = NOTHING_LEFT,
) -> ViewDiff:
    """The changes for all views of the project. Of views that nobody's deploy made none is touched."""
    looked = _Look(views, data_sources, actual, database, unfinished)
    found = [looked.at(shape) for shape in views.shapes]
    gone = () if views.errors else tuple(looked.gone())
    kept = [each for each in found if each is not None]
    unfilled = tuple(shape.name for shape in views.shapes if shape.name in unfinished.unfilled)
    changes = ViewChanges(
        new=tuple(each.shape for each in kept if each.is_new),
        changed=tuple(each.shape for each in kept if each.is_changed),
        gone=(*(each.shape.name for each in kept if each.is_moved), *(name for name, _ in gone)),
        unfilled=unfilled,
    )
    told = (
        *(change for _, change in gone),
        *(each.told for each in kept if each.told is not None),
        *(looked.unfilled(name) for name in unfilled),
        *_errors(views),
    )
    return ViewDiff(changes, told, tuple(each.note for each in kept if each.note is not None))


def done_writers(views: ProjectViews, target: str, actual: Actual, unfinished: Unfinished) -> frozenset[Writer]:
    """The views into a table that are there as the project says."""
    looked = _Look(views, {}, actual, "", unfinished)
    shapes = views.into(target)
    return frozenset(Writer(shape.name, shape.source) for shape in shapes if looked.deployed(shape) is not None)


@dataclass(frozen=True, slots=True)
class _Found:
    """What is to be done about one view."""

    shape: ViewShape
    told: Change | None = None
    note: Change | None = None
    is_new: bool = False
    is_changed: bool = False
    is_moved: bool = False  # a view of this name, into another table, goes first


@dataclass(frozen=True, slots=True)
class _Look:
    views: ProjectViews
    data_sources: Mapping[str, DataSource]
    actual: Actual
    database: str
    unfinished: Unfinished

    def at(self, shape: ViewShape) -> _Found | None:
        """One view of the project; None when it is all right."""
        found = self._there(shape.name)
        if found is None:
            return self._new(shape)
        deployed = from_comment(found.comment) if found.engine == VIEW_ENGINE else None
        if deployed is None:
            return _Found(shape, self._taken(shape, found))
        if deployed.shape.target != shape.target or shape.target not in self.actual.tables:
            return replace(self._new(shape), is_moved=True)
        if not _is_same(deployed.shape, shape):
            said = f"replace the view of `{shape.source}` into `{shape.target}`"
            return self._changed(shape, f"{said}: rows that are there stay as the former one made them")
        return self._noted(shape, deployed, found)

    def deployed(self, shape: ViewShape) -> DeployedView | None:
        """The view as it was made, when that is as the project says."""
        found = self._there(shape.name)
        deployed = from_comment(found.comment) if found is not None and found.engine == VIEW_ENGINE else None
        return deployed if deployed is not None and _is_same(deployed.shape, shape) else None

    def gone(self) -> Iterator[tuple[str, Change]]:
        """Views that a deploy made and no file says any more."""
        wanted = {*(shape.name for shape in self.views.shapes), *self.views.left_out}
        for name, table in self.actual.tables.items():
            deployed = from_comment(table.comment) if table.engine == VIEW_ENGINE else None
            if deployed is not None and name not in wanted:
                said = f"remove the view of `{deployed.shape.source}`: `{deployed.shape.target}` keeps its rows"
                drop = drop_view_ddl(name, self.database)
                yield name, Change(Effect.ALTERS, name, said, (drop,))

    def unfilled(self, name: str) -> Change:
        said = "go on filling the view's target, which a deploy that died has begun"
        return Change(Effect.ADDS, name, said, answers=True)

    def _there(self, name: str) -> ActualTable | None:
        return None if name in self.unfinished.unmade else self.actual.tables.get(name)

    def _new(self, shape: ViewShape) -> _Found:
        target = self.actual.tables.get(shape.target)
        writers = self._writers(target)
        former = self._former(shape, target, writers)
        is_lost = bool(former) and Writer(shape.name, shape.source) in writers
        said = f"create the view of `{shape.source}` into `{shape.target}`"
        if former:
            shape = replace(shape, fills=False)
            said += f", which is not filled: it has what {former} wrote into it"
        elif not shape.fills:
            said += ", which is not filled: BACKFILL skip"
        else:
            said += self._history(shape)
            if target is not None and target.rows and not writers:
                said += f", beside {target.rows:,} rows that no view made"
        if is_lost:
            said += "; it is not there any more, and what came since is missing in its target"
        create = project_view_ddl(shape, self.database, view_comment(shape))
        change = Change(Effect.ADDS, shape.name, said, (create,), answers=True, loses=is_lost)
        return _Found(shape, self._held(shape, change), is_new=True)

    def _changed(self, shape: ViewShape, said: str, *, loses: bool = False) -> _Found:
        statements = (
            drop_view_ddl(shape.name, self.database),
            project_view_ddl(shape, self.database, view_comment(shape)),
        )
        # It holds no rows, as a mapping holds none: nothing that is there changes.
        change = Change(Effect.ADDS, shape.name, said, statements, answers=True, loses=loses)
        return _Found(shape, self._held(shape, change), is_changed=True)

    def _noted(self, shape: ViewShape, deployed: DeployedView, found: ActualTable) -> _Found | None:
        now = fingerprint(found)
        if deployed.version == self.actual.version and deployed.made:
            if deployed.made == now:
                return None
            return self._changed(shape, "make the view anew: it was changed by hand", loses=True)
        comment = literal(to_comment(replace(deployed, version=self.actual.version, made=now)))
        note = f"ALTER TABLE {qualified(self.database, shape.name)} MODIFY COMMENT {comment}"
        said = "note what ClickHouse made of the view"
        return _Found(
            shape, note=Change(Effect.ADDS, shape.name, said, (note,), data_source=shape.source, is_note=True)
        )

    def _taken(self, shape: ViewShape, found: ActualTable) -> Change:
        what = "a view" if found.engine.endswith("View") else "a table"
        said = f"there is {what} of its name that no deploy made, where the view into `{shape.target}` should be"
        word = "VIEW" if found.engine.endswith("View") else "TABLE"
        hint = f"rename the pipe, or remove it by hand: DROP {word} {qualified(self.database, shape.name)}"
        return Change(Effect.REFUSED, shape.name, said, hint=hint, answers=True)

    def _writers(self, target: ActualTable | None) -> Collection[Writer]:
        noted = table_of_comment(target.comment) if target is not None else None
        return noted.writers if noted is not None else ()

    def _former(self, shape: ViewShape, target: ActualTable | None, writers: Collection[Writer]) -> str:
        """The view whose rows of the same source the target holds, and that is no other view of the project."""
        if target is None or (target.rows == 0 and target.engine != "Null"):
            return ""
        others = {other.name for other in self.views.into(shape.target) if other.source == shape.source} - {shape.name}
        names = [writer.view for writer in writers if writer.source == shape.source and writer.view not in others]
        if shape.name in names:
            return "a view of this name"
        return f"the view `{names[0]}`" if names else ""

    def _history(self, shape: ViewShape) -> str:
        """What it is filled with, as far as it is known before views in front of it are filled."""
        source = self.actual.tables.get(shape.source)
        if source is None or source.rows == 0:
            return ""
        return ", filled from it" if source.rows is None else f", filled from its {source.rows:,} rows"

    def _held(self, shape: ViewShape, change: Change) -> Change:
        """The change with the data sources whose events come through the view."""
        return replace(change, held=tuple(sorted(self._upstream(shape.source)))) if change.loses else change

    def _upstream(self, table: str) -> frozenset[str]:
        pending, seen, found = [table], set[str](), set[str]()
        while pending:
            name = pending.pop()
            if name not in seen:
                seen.add(name)
                data_source = self.data_sources.get(name) or self.data_sources.get(quarantined_by(name))
                if data_source is not None and feed_of(data_source) is not None:
                    found.add(data_source.name)
                pending += (shape.source for shape in self.views.into(name))
        return frozenset(found)


def _is_same(deployed: ViewShape, wanted: ViewShape) -> bool:
    """Whether a view is as it should be. How it was filled and what its node is called is no matter of what it does."""
    return replace(deployed, fills=wanted.fills, node=wanted.node) == wanted


def _errors(views: ProjectViews) -> Iterator[Change]:
    for problem in views.errors:
        said = f"{problem.place}: {problem.message}"
        hint = problem.hint or "correct the file"
        yield Change(Effect.REFUSED, problem.place.file, said, hint=hint, answers=True)
