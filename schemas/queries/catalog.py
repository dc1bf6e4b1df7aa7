"""An immutable snapshot of a project's endpoints, compiled once and swapped whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from schemas.errors import ProjectError
from schemas.model import Endpoint, Node, Pipe, Problem, Project
from schemas.queries.checks import check_nodes, problem_at, warnings_of
from schemas.queries.compose import CallerStatement, Composer
from schemas.queries.graph import Graph
from schemas.queries.nodes import CompiledNode, NodeKey
from schemas.queries.query import Query
from schemas.queries.resolve import Resolver
from schemas.queries.secrets import SecretValues
from schemas.queries.uses.not_carried_out import not_carried_out
from schemas.template.errors import TemplateCompileError
from schemas.template.parameters import Parameter, merge

# What a caller's own SQL is a node of; no resource has an empty name.
_CALLERS = Pipe("", ())


@dataclass(frozen=True, slots=True)
class CompiledEndpoint:
    """A pipe that is answered over HTTP.

    `parameters` names each parameter once; `dependencies` are the data sources (and `<name>_quarantine` tables)
    that it reads, through nodes and other pipes, on any branch of its templates. `has_own_errors`: one of them calls
    custom_error(); `has_own_cache_time`: cache_ttl(). `cache_seconds` is the pipe's own word, None without.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    dependencies: tuple[str, ...]
    has_own_errors: bool
    has_own_cache_time: bool
    cache_seconds: int | None
    pipe: Pipe
    _node: CompiledNode
    _composer: Composer

    def render(self, values: Mapping[str, object]) -> Query:
        """The statement for these values, which may hold more than the endpoint's own parameters.

        A value is text (query string), a list of text (a repeated key) or what a JSON body gave.
        Raises TemplateError: `status` and `body` are the answer.
        """
        return self._composer.render(self._node, values)

    def seconds_kept(self, query: Query | None, usual: int) -> int:
        """How long the answer to one of its queries may be kept: what the template says, else the pipe, else `usual`.
        Without a query as long as those for which the template says nothing."""
        if query is not None and query.cache_seconds is not None:
            return query.cache_seconds
        return self.cache_seconds if self.cache_seconds is not None else usual


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that can be asked of a project.

    `graph` says what each node reads, `nodes` has them compiled; `secrets` must be shown nowhere. Of the `warnings`,
    `not_carried_out` are of what the project asks for and nothing does.
    """

    endpoints: Mapping[str, CompiledEndpoint]
    pipes: Mapping[str, Pipe]
    warnings: tuple[Problem, ...]
    not_carried_out: tuple[Problem, ...]
    _composer: Composer
    graph: Graph
    nodes: Mapping[NodeKey, CompiledNode]
    secrets: SecretValues

    def render_stored(self, key: NodeKey) -> Query:
        """The statement of a node that nobody calls, with the defaults of its parameters, as literals: for what is
        stored in ClickHouse. Raises TemplateError; a secret has no value in it."""
        return self._composer.render_stored(self.nodes[key])

    def render_node(self, node: CompiledNode, values: Mapping[str, object]) -> Query:
        """The statement that answers any node, as `CompiledEndpoint.render` does for those that are asked over HTTP."""
        return self._composer.render(node, values)

    def render_alone(self, node: CompiledNode, values: Mapping[str, object]) -> Query:
        """A node's own text, names as they stand in it. Raises TemplateError."""
        return self._composer.render_alone(node, values)

    def render_sql(
        self, sql: str, values: Mapping[str, object], over: str | None, may_read: Callable[[str], bool]
    ) -> CallerStatement:
        """A caller's own SQL, or template that begins with `%`, over the project's resources; `_` is the pipe `over`.

        Raises TemplateError, `schemas.sql.names.SqlTextError`, `schemas.queries.compose.UnreadableError`.
        """
        node = CompiledNode(_CALLERS, Node("", sql))
        return self._composer.render_over(node, values, over, may_read)


def compile_project(project: Project, *, secrets: Mapping[str, str] | None = None) -> Catalog:
    """Compile every pipe of a project. Raises ProjectError with every problem of every node, in order."""
    problems: list[Problem] = []
    compiled = {pipe.name: _compile_pipe(pipe, problems) for pipe in project.pipes.values()}
    resolver = Resolver(project.data_sources, compiled)
    graph = check_nodes(compiled, resolver, problems)
    nodes = {node.key: node for of_pipe in compiled.values() for node in of_pipe.values()}
    unfulfilled = tuple(not_carried_out(project.data_sources, project.pipes, nodes, graph))
    problems += unfulfilled
    problems.sort(key=_order)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise ProjectError(errors)
    composer = Composer(resolver, compiled, dict(secrets or {}))
    endpoints = {
        pipe.name: _endpoint(pipe, nodes[NodeKey(pipe.name, pipe.endpoint.name)], nodes, graph, composer)
        for pipe in project.pipes.values()
        if pipe.endpoint is not None
    }
    return Catalog(
        endpoints=MappingProxyType(endpoints),
        pipes=MappingProxyType(dict(project.pipes)),
        warnings=tuple(problems),
        not_carried_out=unfulfilled,
        _composer=composer,
        graph=graph,
        nodes=nodes,
        secrets=SecretValues.of((secrets or {}).values()),
    )


def _endpoint(
    pipe: Pipe, node: CompiledNode, nodes: Mapping[NodeKey, CompiledNode], graph: Graph, composer: Composer
) -> CompiledEndpoint:
    reads = graph.reachable(node.key)
    reached = [nodes[key] for key in reads.nodes]
    return CompiledEndpoint(
        name=pipe.name,
        description=pipe.description or node.node.description,
        parameters=merge([use for each in reached for use in each.parameters]),
        dependencies=reads.data_sources,
        has_own_errors=any("custom_error" in each.node.sql for each in reached),
        has_own_cache_time=any("cache_ttl" in each.node.sql for each in reached),
        cache_seconds=node.node.kind.cache_seconds if isinstance(node.node.kind, Endpoint) else None,
        pipe=pipe,
        _node=node,
        _composer=composer,
    )


def _order(problem: Problem) -> tuple[str, int, int]:
    return problem.place.file, problem.place.line, problem.place.column


def _compile_pipe(pipe: Pipe, problems: list[Problem]) -> dict[str, CompiledNode]:
    nodes: dict[str, CompiledNode] = {}
    for node in pipe.nodes:
        if node.name in nodes:
            problems.append(Problem(node.place, f"the pipe `{pipe.name}` has two nodes named `{node.name}`"))
            continue
        try:
            nodes[node.name] = compiled = CompiledNode(pipe, node)
            problems.extend(warnings_of(compiled))
        except TemplateCompileError as error:
            problems.append(problem_at(pipe, node, error))
    return nodes
