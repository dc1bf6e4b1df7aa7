"""Puts an endpoint's nodes together into one statement, each node that it reaches a common table expression."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from schemas.queries.counting.negative_counts import negative_count
from schemas.queries.counting.row_counts import RowCount, row_counts_of
from schemas.queries.limit_settings import is_limit_setting
from schemas.queries.literals import Literals
from schemas.queries.nodes import CompiledNode, NodeKey
from schemas.queries.part import NodeTarget, Part, TableTarget
from schemas.queries.query import Query
from schemas.queries.resolve import KnownTable, Meaning, Resolver
from schemas.queries.statement_text import joined, joined_for_caller, second_names
from schemas.sql.named import SqlNames, TableName
from schemas.sql.names import names_of
from schemas.sql.text import identifier
from schemas.sql.tokens import SqlTextError
from schemas.template.errors import TemplateRenderError, UnavailableError
from schemas.template.rendering import Render

# A statement's texts repeat, since values are not in them: as many as an endpoint's `if`s make.
_CACHED = 512
# Longer texts are rare, and worth no memory.
_CACHED_TEXT = 32_768
_MAX_NODES = 500
# What a caller's own statement is a node of; no resource has an empty name.
_CALLERS = NodeKey("", "")


@dataclass(frozen=True, slots=True)
class CallerStatement:
    """A caller's own statement with the nodes that it reads, and what of it is whose.

    `node_names` are what the project's nodes are called, in the order in which they begin the statement's WITH; all
    else in it came from the caller, who bound `own_parameters`, may read `granted` (names in their parts) and asked
    for `format` (None without). `tables_behind` are the tables that the project's nodes read.
    """

    query: Query
    format: str | None
    own_parameters: frozenset[str]
    node_names: tuple[str, ...]
    granted: frozenset[tuple[str, ...]]
    tables_behind: frozenset[str]


class UnreadableError(Exception):
    """A caller's statement names what is not there or not theirs to read: which of the two is not told."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Composer:
    """Composes the statements of one project's endpoints. Immutable but for its caches; safe in several threads."""

    def __init__(
        self, resolver: Resolver, pipes: Mapping[str, Mapping[str, CompiledNode]], project_secrets: Mapping[str, str]
    ) -> None:
        self._resolver = resolver
        self._pipes = pipes
        self._secrets = project_secrets
        self._cached_part = lru_cache(maxsize=_CACHED)(self._analysed)
        self._cached_statement = lru_cache(maxsize=_CACHED)(joined)

    def render(self, node: CompiledNode, values: Mapping[str, object]) -> Query:
        """The statement that answers a node, with its bound values. Raises TemplateError."""
        return self._rendered(node, values, Render(self._secrets, column_kinds=self._resolver.column_kinds))

    def render_stored(self, node: CompiledNode) -> Query:
        """The statement that answers a node that nobody calls, as it may be stored: every parameter has its default,
        and values are literals. No secret is in it. Raises TemplateError."""
        render = Render({}, column_kinds=self._resolver.column_kinds)
        render.bindings = Literals(render.budget)
        return self._rendered(node, {}, render)

    def _rendered(self, node: CompiledNode, values: Mapping[str, object], render: Render) -> Query:
        parts: dict[NodeKey, Part] = {}
        self._reach(node, values, render, parts, ())
        statement = tuple(parts.values())
        is_short = sum(len(part.sql) for part in statement) <= _CACHED_TEXT
        return _query(self._cached_statement(statement) if is_short else joined(statement), render)

    def render_alone(self, node: CompiledNode, values: Mapping[str, object]) -> Query:
        """The node's own text with its bound values, without what it reads. Raises TemplateError."""
        render = Render(self._secrets, column_kinds=self._resolver.column_kinds)
        render.table_name = lambda name: self._table_sql(node, name)
        return _query(node.render(values, render), render)

    def render_over(
        self, node: CompiledNode, values: Mapping[str, object], over: str | None, may_read: Callable[[str], bool]
    ) -> CallerStatement:
        """A caller's own statement, a node of no pipe, in which `_` stands for the pipe `over`.

        What it names is the project's, as far as `may_read` says so of the resource; its template sees no secret.
        Nothing of it is remembered. Raises TemplateError, `SqlTextError`, `UnreadableError`.
        """
        render = Render({}, column_kinds=self._resolver.column_kinds)
        render.table_name = lambda name: self._caller_table_sql(name, may_read)
        text = node.render(values, render)
        own_parameters = frozenset(render.bindings.parameters)
        render.secrets = self._secrets
        names = names_of(text, may_have_format=True)
        if (clause := names.format) is not None:
            # Blanks in its place: SETTINGS may follow, and everything stays where it was found.
            text = text[: clause.start] + " " * (clause.end - clause.start) + text[clause.end :]
        _expect_rows(node, row_counts_of(text), values, render)
        part = self._caller_part(text, names, over, may_read)
        parts: dict[NodeKey, Part] = {}
        for target in part.nodes:
            self._reach(self._node(target.key), values, render, parts, ())
        behind = tuple(parts.values())
        # Names that nobody can guess, so that a statement reaches no node but by those it was given.
        nonce = secrets.token_hex(8)
        called = {each.key: f"node_{nonce}_{number}" for number, each in enumerate(behind)}
        second = second_names(part, called)
        by_node = ((called[target.key],) for target in part.nodes)
        by_table = (target.known.parts for target in part.tables)
        return CallerStatement(
            query=_query(joined_for_caller((*behind, part), called), render),
            format=clause.name if clause is not None else None,
            own_parameters=own_parameters,
            node_names=(*called.values(), *second),
            granted=frozenset((*by_node, *by_table, *((name,) for name in second))),
            tables_behind=frozenset(target.known.name for each in behind for target in each.tables),
        )

    def _caller_part(self, sql: str, names: SqlNames, over: str | None, may_read: Callable[[str], bool]) -> Part:
        meant: list[tuple[TableName, Meaning]] = []
        for table in names.tables:
            wanted = TableName((over,), 0, 0) if over is not None and table.parts == ("_",) else table
            meaning = self._readable(wanted, may_read)
            if meaning is not None:
                meant.append((table, meaning))
            elif not table.is_operand:
                raise UnreadableError(table.name)
        return _part(_CALLERS, sql, names, meant)

    def _readable(self, table: TableName, may_read: Callable[[str], bool]) -> NodeKey | KnownTable | None:
        """What a name in a caller's statement is, None for what is not there or not theirs to read."""
        meaning = self._resolver.table(_CALLERS, table)
        if isinstance(meaning, NodeKey):
            return meaning if may_read(meaning.pipe) else None
        if isinstance(meaning, KnownTable):
            return meaning if meaning.is_of_system or may_read(meaning.name) else None
        return None

    def _caller_table_sql(self, name: str, may_read: Callable[[str], bool]) -> str | None:
        meaning = self._readable(TableName((name,), 0, 0), may_read)
        is_of_system = isinstance(meaning, KnownTable) and meaning.is_of_system
        return None if meaning is None or is_of_system else identifier(name)

    def _node(self, key: NodeKey) -> CompiledNode:
        return self._pipes[key.pipe][key.node]

    def _reach(
        self,
        node: CompiledNode,
        values: Mapping[str, object],
        render: Render,
        parts: dict[NodeKey, Part],
        path: tuple[NodeKey, ...],
    ) -> None:
        """Render a node after everything that it reads, each once."""
        if node.key in parts:
            return
        if node.key in path:
            raise TemplateRenderError(f"the nodes read each other in a circle, at `{node.node.name}`")
        if len(path) + len(parts) >= _MAX_NODES:
            raise TemplateRenderError(f"too many nodes are read: {_MAX_NODES} are the most")
        render.table_name = lambda name: self._table_sql(node, name)
        text = node.render(values, render)
        part = (self._cached_part if len(text) <= _CACHED_TEXT else self._analysed)(node.key, text)
        _expect_rows(node, part.row_counts, values, render)
        for target in part.nodes:
            self._reach(self._node(target.key), values, render, parts, (*path, node.key))
        parts[node.key] = part

    def _table_sql(self, node: CompiledNode, name: str) -> str | None:
        """The SQL for `table(name)`: a name that the project has, or None."""
        meaning = self._resolver.table(node.key, TableName((name,), 0, 0))
        return identifier(name) if isinstance(meaning, (NodeKey, KnownTable)) else None

    def _analysed(self, key: NodeKey, sql: str) -> Part:
        try:
            names = names_of(sql)
        except SqlTextError as error:
            raise TemplateRenderError(f"node `{key.node}`: {error}") from None
        node = self._node(key)
        for function in names.functions:
            if problem := self._resolver.function_problem(function, node):
                raise UnavailableError(f"node `{key.node}`: {problem}")
        for setting in names.settings:
            if is_limit_setting(setting.name):
                raise UnavailableError(f"node `{key.node}`: the setting `{setting.name}` is not a node's to change")
        meant = [(table, self._resolver.table(key, table)) for table in names.tables]
        for table, meaning in meant:
            if not isinstance(meaning, (NodeKey, KnownTable)) and not table.is_operand:
                raise UnavailableError(meaning.problem)
        return _part(key, sql, names, meant, row_counts_of(sql))


def _part(
    key: NodeKey,
    sql: str,
    names: SqlNames,
    meant: Sequence[tuple[TableName, Meaning]],
    row_counts: tuple[RowCount, ...] = (),
) -> Part:
    nodes = tuple(NodeTarget(table, meaning) for table, meaning in meant if isinstance(meaning, NodeKey))
    tables = tuple(TableTarget(table, meaning) for table, meaning in meant if isinstance(meaning, KnownTable))
    return Part(key, sql, names, nodes, tables, row_counts)


def _query(sql: str, render: Render) -> Query:
    bindings = render.bindings
    return Query(sql, bindings.parameters, render.settings, frozenset(bindings.verbatim), render.cache_seconds)


def _expect_rows(node: CompiledNode, counts: Iterable[RowCount], values: Mapping[str, object], render: Render) -> None:
    """Raise ParameterError for a LIMIT, OFFSET or FETCH that is below zero."""
    for count in counts:
        if count.is_negative(render.bindings.parameters):
            raise negative_count(node.template, count.keyword, values)
