"""The views of a project: each of its materialized nodes as the view that carries it out, and what none can."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from schemas.errors import ProjectError
from schemas.feed import feed_of
from schemas.model import DataSource, Problem, Project
from schemas.own_names import quarantined_by
from schemas.queries.catalog import Catalog, compile_project
from schemas.queries.nodes import NodeKey
from schemas.queries.query import Query
from schemas.queries.uses.materialized import MaterializedNode, materialized_nodes, target_name
from schemas.queries.uses.readers import Readers
from schemas.sql.leftmost import leftmost_of
from schemas.sql.tokens import SqlTextError
from schemas.tables.views.possible import NoViewError, source_of, warnings_of
from schemas.tables.views.statement import cut, with_settings
from schemas.tables.views.view import TableUse, ViewShape
from schemas.template.errors import TemplateError, UnavailableError


@dataclass(frozen=True, slots=True)
class ProjectViews:
    """All views of a project, each after those that it reads from, and what is wrong with its materialized nodes.

    A node that cannot be a view has a problem, and its view's name is in `left_out`, as are those of pipes that are set
    aside, whose targets are `targets_left_out`. `not_carried_out` is what else of the project nothing does.
    """

    shapes: tuple[ViewShape, ...] = ()
    problems: tuple[Problem, ...] = ()
    left_out: frozenset[str] = frozenset()
    targets_left_out: frozenset[str] = frozenset()
    not_carried_out: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")

    def has_target(self, name: str) -> bool:
        """Whether views write into a table, or one does that is left out."""
        return name in self.targets_left_out or bool(self.into(name))

    def into(self, target: str) -> tuple[ViewShape, ...]:
        """Those that write into a table."""
        return tuple(shape for shape in self.shapes if shape.target == target)


NO_VIEWS = ProjectViews()


def views_in(project: Project) -> ProjectViews:
    """The views of a project that is not compiled yet; where it cannot be, none, and what is wrong."""
    try:
        return views_of(project, compile_project(project))
    except ProjectError as error:
        return ProjectViews((), error.problems)


def views_of(project: Project, catalog: Catalog) -> ProjectViews:
    """The views of a compiled project."""
    problems: list[Problem] = []
    shapes: list[ViewShape] = []
    names = set[str]()
    readers = Readers(project.data_sources, project.pipes, catalog.graph)
    for each in materialized_nodes(project.pipes.values()):
        names.add(each.name)
        try:
            shape, warnings = _shape(each, project, catalog)
        except NoViewError as error:
            target = target_name(each.kind.target, project.data_sources)
            problems.append(_problem(each, error, f": no view writes into `{target}`, {readers.said(target)}"))
        else:
            shapes.append(shape)
            problems += (_problem(each, warning) for warning in warnings)
    ordered = tuple(_in_order(shapes, problems))
    left_out = frozenset(names - {shape.name for shape in ordered})
    left_out |= project.set_aside
    return ProjectViews(ordered, tuple(problems), left_out, project.targets_set_aside, catalog.not_carried_out)


def _shape(each: MaterializedNode, project: Project, catalog: Catalog) -> tuple[ViewShape, Sequence[NoViewError]]:
    """The view of a node, with what its author should know of it. Raises NoViewError."""
    data_sources = project.data_sources
    target = data_sources.get(target_name(each.kind.target, data_sources))
    if target is None:
        raise _no_target(each.kind.target, data_sources)
    if each.name in data_sources:
        hint = "rename the node: the view of a pipe's further materialized node is called `pipe.node`"
        raise NoViewError(f"its view would be called `{each.name}`, as a data source is", hint)
    query = _stored(NodeKey(each.pipe.name, each.node.name), catalog)

    def table_of(named: str) -> str | None:
        return named if named in data_sources or quarantined_by(named) in data_sources else None

    try:
        leftmost = leftmost_of(query.sql)
        source = source_of(leftmost)
        statement = cut(with_settings(query.sql, query.settings, is_union=leftmost.is_union), table_of)
    except SqlTextError as error:
        raise NoViewError(str(error), error.hint) from None
    _expect_table(source, data_sources)
    reads = dict.fromkeys([source, *(use.table for use in statement if isinstance(use, TableUse))])
    fills = (target.backfill or "").strip().lower() != "skip"
    shape = ViewShape(each.name, each.node.name, source, tuple(reads), target.name, statement, fills, each.node.place)
    return shape, tuple(warnings_of(leftmost, source, statement))


def _stored(key: NodeKey, catalog: Catalog) -> Query:
    """The statement of a node with the defaults of all parameters. Raises NoViewError."""
    if any("tb_secret" in catalog.nodes[reached].node.sql for reached in catalog.graph.reachable(key).nodes):
        hint = "give the value in the file, or keep what is secret out of materialized nodes"
        raise NoViewError("it reads a secret, which everybody could read in the view's definition", hint)
    try:
        return catalog.render_stored(key)
    except UnavailableError as error:
        raise NoViewError(error.message, "", "warning") from None
    except TemplateError as error:
        hint = "nobody calls a view: every parameter that it reads needs a default"
        raise NoViewError(str(error), hint) from None


def _no_target(name: str, data_sources: Mapping[str, DataSource]) -> NoViewError:
    near = get_close_matches(name, data_sources, n=1)
    hint = f"did you mean `{near[0]}`?" if near else "describe it in a `.datasource` file"
    return NoViewError(f"its DATASOURCE `{name}` does not exist", hint, "warning")


def _expect_table(source: str, data_sources: Mapping[str, DataSource]) -> None:
    origin = data_sources.get(quarantined_by(source))
    if source not in data_sources and (origin is None or feed_of(origin) is None):
        hint = "a data source that takes events has one: its columns have JSONPaths"
        raise NoViewError(f"there is no quarantine `{source}`", hint, "warning")


def _problem(each: MaterializedNode, error: NoViewError, effect: str = "") -> Problem:
    lines, place = each.pipe.source.splitlines(), each.node.sql_place
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    said = f"the materialized node `{each.node.name}`: {error.message}{effect}"
    return Problem(place, said, error.hint, line, error.severity)


def _in_order(shapes: Sequence[ViewShape], problems: list[Problem]) -> list[ViewShape]:
    """Each after those that it reads from; those that write into what they see are left out."""
    left = {shape.name: shape for shape in shapes}
    while True:
        try:
            order = tuple(TopologicalSorter(_before(left, lambda shape: (shape.source,))).static_order())
            break
        except CycleError as error:
            circle: list[str] = error.args[1]
            shown = " → ".join(f"`{name}`" for name in reversed(circle))
            text = f"views write into what they read, so that an insert would never end: {shown}"
            hint = "let one of them write into another data source"
            problems.append(Problem(left[circle[0]].place, text, hint))
            left = {name: shape for name, shape in left.items() if name not in circle}
    with suppress(CycleError):
        # What a view looks up beside its source may well be written by itself, or by views behind it.
        order = tuple(TopologicalSorter(_before(left, _reads_of_others)).static_order())
    return [left[name] for name in order]


def _reads_of_others(shape: ViewShape) -> Sequence[str]:
    return [table for table in shape.reads if table != shape.target]


def _before(shapes: Mapping[str, ViewShape], reads: Callable[[ViewShape], Sequence[str]]) -> dict[str, list[str]]:
    """Each view with those that write into what it reads."""
    return {
        name: [other.name for other in shapes.values() if other.target in reads(shape)]
        for name, shape in shapes.items()
    }
