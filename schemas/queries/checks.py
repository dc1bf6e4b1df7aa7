"""Finds what is wrong with a project's nodes before any request: unknown names, circles, what a node may not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from schemas.model import Copy, Node, Pipe, Place, Problem
from schemas.queries.compose import limit_setting
from schemas.queries.nodes import CompiledNode, place_in
from schemas.queries.resolve import Key, Resolver
from schemas.sql.names import TableName, names_of
from schemas.sql.tokens import SqlTextError, StatementError
from schemas.template.compiling.samples import Sample
from schemas.template.errors import TemplateCompileError
from schemas.template.parameters import HIDDEN_NAMES, RESERVED_NAMES
from schemas.template.template import template_source

# Looking for what an unknown name may have meant takes a while; who has so many problems looks again.
_MAX_SUGGESTIONS = 50
# Of each node: the nodes that it names, and the data sources.
Graph = Mapping[Key, tuple[tuple[Key, ...], tuple[str, ...]]]


def problem_at(pipe: Pipe, node: Node, error: TemplateCompileError) -> Problem:
    """A template's error as a problem of its file."""
    found = template_source(node.sql)
    start = found[1] if found else 0
    text = node.sql[start:]
    offset = 0
    for _ in range(error.line - 1):
        offset = text.find("\n", offset) + 1
    place = place_in(node, start + offset + error.column - 1)
    return Problem(place, error.message, error.hint, _source_line(pipe, place))


def _source_line(pipe: Pipe, place: Place) -> str:
    lines = pipe.source.splitlines()
    return lines[place.line - 1] if 0 < place.line <= len(lines) else ""


def warnings_of(node: CompiledNode) -> list[Problem]:
    """What a node's author should know of its template."""
    if node.template is None:
        return []
    warnings = []
    if not node.node.sql.lstrip().startswith("%"):
        place = node.place(min(found for tag in ("{{", "{%") if (found := node.node.sql.find(tag)) >= 0))
        message = f"the SQL of node `{node.node.name}` holds tags but does not begin with `%`; it is read as a template"
        hint = "write `%` on a line of its own before the SQL"
        warnings.append(Problem(place, message, hint, _source_line(node.pipe, place), "warning"))
    for refusal in node.template.refusals:
        problem = problem_at(node.pipe, node.node, refusal)
        warnings.append(replace(problem, message=f"{refusal.message}: what comes to it will fail", severity="warning"))
    own = {"job_timestamp"} if isinstance(node.node.kind, Copy) else set()
    for name in sorted(node.template.names & RESERVED_NAMES - own):
        message = f"the parameter `{name}` has a meaning of its own in every request"
        hint = "its value never reaches a template" if name in HIDDEN_NAMES else "give it another name"
        warnings.append(Problem(node.node.sql_place, message, hint, "", "warning"))
    return warnings


def check_nodes(pipes: Mapping[str, Mapping[str, CompiledNode]], resolver: Resolver, problems: list[Problem]) -> Graph:
    """What every node reads; problems are added to the list."""
    graph: dict[Key, tuple[tuple[Key, ...], tuple[str, ...]]] = {}
    for nodes in pipes.values():
        for node in nodes.values():
            graph[node.key] = _NodeCheck(node, resolver, problems).check()
    _report_circles(graph, pipes, problems)
    return graph


class _NodeCheck:
    def __init__(self, node: CompiledNode, resolver: Resolver, problems: list[Problem]) -> None:
        self._node = node
        self._resolver = resolver
        self._problems = problems
        self._keys: dict[Key, None] = {}
        self._tables: dict[str, None] = {}
        self._reported: set[tuple[str, int]] = set()

    def check(self) -> tuple[tuple[Key, ...], tuple[str, ...]]:
        samples = list(self._node.samples())
        for sample in samples:
            if not sample.text.strip():
                continue
            try:
                names = names_of(sample.text)
            except StatementError as error:
                self._warn(str(error), sample, error.offset, error.hint)
                continue
            except SqlTextError as error:
                # Branches that never meet may be together in a sample: a bracket opened in one and closed in another.
                is_certain = len(samples) == 1
                report = self._report if is_certain else self._warn
                report(str(error), sample, error.offset, hint=error.hint)
                continue
            for table in names.tables:
                self._table(table, sample)
            for function in names.functions:
                problem = self._resolver.function_problem(function, self._node)
                if problem:
                    self._warn(problem, sample, function.start)
            for setting in names.settings:
                if limit_setting(setting.name):
                    self._warn(f"the setting `{setting.name}` is not a node's to change", sample, setting.start)
        return tuple(self._keys), tuple(self._tables)

    def _table(self, table: TableName, sample: Sample) -> None:
        found, name, start = self._resolver.table(*self._node.key, table), table.name, table.start
        if found.kind == "node":
            self._keys[found.key] = None
        elif found.data_source:
            self._tables[found.data_source] = None
        elif found.problem and not table.is_operand:
            hint = ""
            if found.kind == "unknown":
                is_early = len(self._problems) < _MAX_SUGGESTIONS
                closest = self._resolver.closest(self._node.pipe.name, name) if is_early else ""
                nothing = "it is no node of this pipe, no data source and no pipe"
                hint = f"did you mean `{closest}`?" if closest else nothing
            self._warn(found.problem, sample, start, hint)

    def _warn(self, message: str, sample: Sample, offset: int, hint: str = "") -> None:
        """What is not to be had ends the requests that come to it, and no others: the project is used all the same."""
        self._report(f"{message}: what reads it will fail", sample, offset, "warning", hint)

    def _report(self, message: str, sample: Sample, offset: int, severity: str = "error", hint: str = "") -> None:
        origin = sample.origin(offset)
        if (message, origin) in self._reported:
            return
        self._reported.add((message, origin))
        place = self._node.place(origin)
        line = _source_line(self._node.pipe, place)
        self._problems.append(Problem(place, message, hint, line, "warning" if severity == "warning" else "error"))


def _report_circles(graph: Graph, pipes: Mapping[str, Mapping[str, CompiledNode]], problems: list[Problem]) -> None:
    """One problem for each circle of nodes, at the node that it is first entered by."""
    done: set[Key] = set()
    for first in graph:
        path: dict[Key, None] = {}
        pending = [(first, iter(graph[first][0]))] if first not in done else []
        path.update((key, None) for key, _ in pending)
        while pending:
            key, following = pending[-1]
            successor = next(following, None)
            if successor is None:
                done.add(key)
                pending.pop()
                path.popitem()
            elif successor in path:
                passed = list(path)
                circle = " → ".join(f"`{node}`" for _, node in (*passed[passed.index(successor) :], successor))
                node = pipes[successor[0]][successor[1]]
                problems.append(Problem(node.node.sql_place, f"nodes read each other in a circle: {circle}"))
            elif successor not in done and successor in graph:
                pending.append((successor, iter(graph[successor][0])))
                path[successor] = None


def reachable(start: Key, graph: Graph) -> tuple[tuple[Key, ...], tuple[str, ...]]:
    """Every node that one reads, itself included, and every table that they read."""
    keys: dict[Key, None] = {}
    tables: dict[str, None] = {}
    pending = [start]
    while pending:
        key = pending.pop()
        if key not in keys and key in graph:
            keys[key] = None
            tables.update(dict.fromkeys(graph[key][1]))
            pending.extend(reversed(graph[key][0]))
    return tuple(keys), tuple(sorted(tables))
