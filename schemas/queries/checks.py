"""Finds what is wrong with a project's nodes before any request: unknown names, circles, what a node may not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from schemas.model import Copy, Node, Pipe, Place, Problem
from schemas.queries.graph import Graph, NodeReads
from schemas.queries.limit_settings import is_limit_setting
from schemas.queries.nodes import CompiledNode, NodeKey, place_in
from schemas.queries.resolve import KnownTable, Resolver
from schemas.sql.named import SqlNames, TableName
from schemas.sql.names import names_of
from schemas.sql.tokens import SqlTextError, StatementError
from schemas.template.compiling.samples import Sample
from schemas.template.errors import TemplateCompileError
from schemas.template.parameters import HIDDEN_NAMES, RESERVED_NAMES
from schemas.template.template import template_source

# Looking for what an unknown name may have meant takes a while; who has so many problems looks again.
_MAX_SUGGESTIONS = 50


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
    nodes = {node.key: node for of_pipe in pipes.values() for node in of_pipe.values()}
    graph = Graph({key: _NodeCheck(node, resolver, problems).check() for key, node in nodes.items()})
    for circle in graph.circles():
        shown = " → ".join(f"`{key.node}`" for key in circle)
        place = nodes[circle[0]].node.sql_place
        problems.append(Problem(place, f"nodes read each other in a circle: {shown}"))
    return graph


class _NodeCheck:
    """Goes through the texts that one node can render to."""

    def __init__(self, node: CompiledNode, resolver: Resolver, problems: list[Problem]) -> None:
        self._node = node
        self._resolver = resolver
        self._problems = problems
        self._nodes: dict[NodeKey, None] = {}
        self._data_sources: dict[str, None] = {}
        self._service_data_sources: dict[str, None] = {}
        self._unknown: dict[str, None] = {}
        self._reported: set[tuple[str, int]] = set()

    def check(self) -> NodeReads:
        samples = list(self._node.samples())
        for sample in samples:
            names = self._names(sample, is_certain=len(samples) == 1) if sample.text.strip() else None
            if names is not None:
                self._check_names(names, sample)
        return NodeReads(
            tuple(self._nodes), tuple(self._data_sources), tuple(self._service_data_sources), tuple(self._unknown)
        )

    def _names(self, sample: Sample, *, is_certain: bool) -> SqlNames | None:
        try:
            return names_of(sample.text)
        except StatementError as error:
            self._warn(str(error), sample, error.offset, error.hint)
        except SqlTextError as error:
            # Branches that never meet may be together in a sample: a bracket opened in one and closed in another.
            report = self._report if is_certain else self._warn
            report(str(error), sample, error.offset, hint=error.hint)
        return None

    def _check_names(self, names: SqlNames, sample: Sample) -> None:
        for table in names.tables:
            self._check_table(table, sample)
        for function in names.functions:
            problem = self._resolver.function_problem(function, self._node)
            if problem:
                self._warn(problem, sample, function.start)
        for setting in names.settings:
            if is_limit_setting(setting.name):
                self._warn(f"the setting `{setting.name}` is not a node's to change", sample, setting.start)

    def _check_table(self, table: TableName, sample: Sample) -> None:
        meaning = self._resolver.table(self._node.key, table)
        if isinstance(meaning, NodeKey):
            self._nodes[meaning] = None
        elif isinstance(meaning, KnownTable):
            if not meaning.is_of_system:
                self._data_sources[meaning.name] = None
        elif meaning.is_of_service:
            self._service_data_sources[table.name] = None  # told with all that reads it
        elif not table.is_operand:
            self._unknown[table.name] = None
            self._warn(meaning.problem, sample, table.start, self._hint(table.name))

    def _hint(self, name: str) -> str:
        """What an unknown name may have meant."""
        is_early = len(self._problems) < _MAX_SUGGESTIONS
        closest = self._resolver.closest(self._node.pipe.name, name) if is_early else ""
        return f"did you mean `{closest}`?" if closest else "it is no node of this pipe, no data source and no pipe"

    def _warn(self, message: str, sample: Sample, offset: int, hint: str = "") -> None:
        """What is not to be had ends the requests that come to it, and no others: the project is used all the same."""
        self._report(f"{message}: what reads it will fail", sample, offset, hint, "warning")

    def _report(
        self,
        message: str,
        sample: Sample,
        offset: int,
        hint: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        origin = sample.origin(offset)
        if (message, origin) in self._reported:
            return
        self._reported.add((message, origin))
        place = self._node.place(origin)
        self._problems.append(Problem(place, message, hint, _source_line(self._node.pipe, place), severity))
