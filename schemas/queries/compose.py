"""Puts an endpoint's nodes together into one statement, each node that it reaches a common table expression."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from schemas.queries.negative_counts import negative_count
from schemas.queries.nodes import CompiledNode
from schemas.queries.query import Query
from schemas.queries.resolve import Key, Resolver
from schemas.queries.row_counts import RowCount, row_counts_of
from schemas.sql.names import SqlNames, TableName, names_of
from schemas.sql.text import identifier
from schemas.sql.tokens import SqlTextError
from schemas.template.errors import TemplateRenderError
from schemas.template.rendering import Render

# A statement's texts repeat, since values are not in them: as many as an endpoint's `if`s make.
_CACHED = 512
# Longer texts are rare, and worth no memory.
_CACHED_TEXT = 32_768
_MAX_NODES = 500
# What an author's SETTINGS may not lift: ClickHouse's limits belong to whoever runs the service.
_LIMIT_PREFIXES = (
    "max_",
    "min_execution_speed",
    "timeout_",
    "readonly",
    "allow_ddl",
    "profile",
    "priority",
    "workload",
)
_LIMIT_SUFFIXES = ("_overflow_mode", "_timeout", "_timeout_ms")
_HARMLESS = frozenset({"max_threads"})


# Where a name stands, whether it has (or can have) no alias of ours, the name, and the node or the table that it is.
_Target = tuple[int, int, bool, str, Key | None, str]


@dataclass(frozen=True, slots=True)
class _Part:
    """One node of a statement: its rendered text, what it names, what each of those names is, and how many rows it
    asks for."""

    key: Key
    sql: str
    names: SqlNames
    targets: tuple[_Target, ...]
    row_counts: tuple[RowCount, ...] = ()


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


def limit_setting(name: str) -> bool:
    """Whether a setting is one of the limits that no node may change."""
    return name not in _HARMLESS and (name.startswith(_LIMIT_PREFIXES) or name.endswith(_LIMIT_SUFFIXES))


class Composer:
    """Composes the statements of one project's endpoints. Immutable but for its caches; safe in several threads."""

    def __init__(
        self, resolver: Resolver, pipes: Mapping[str, Mapping[str, CompiledNode]], project_secrets: Mapping[str, str]
    ) -> None:
        self._resolver = resolver
        self._pipes = pipes
        self._secrets = project_secrets
        self._cached_part = lru_cache(maxsize=_CACHED)(self._analysed)
        self._cached_statement = lru_cache(maxsize=_CACHED)(_joined)

    def render(self, node: CompiledNode, values: Mapping[str, object]) -> Query:
        """The statement that answers a node, with its bound values. Raises TemplateError."""
        render = Render(self._secrets, column_kinds=self._resolver.column_kinds)
        parts: dict[Key, _Part] = {}
        self._reach(node, values, render, parts, ())
        statement = tuple(parts.values())
        is_short = sum(len(part.sql) for part in statement) <= _CACHED_TEXT
        sql = self._cached_statement(statement) if is_short else _joined(statement)
        return Query(sql, render.bindings.parameters, render.settings, frozenset(render.bindings.verbatim))

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
        part = _Part(node.key, text, names, self._caller_targets(names, over, may_read))
        parts: dict[Key, _Part] = {}
        for _, _, _, _, key, _ in part.targets:
            if key is not None:
                self._reach(self._pipes[key[0]][key[1]], values, render, parts, ())
        behind = tuple(parts.values())
        # Names that nobody can guess, so that a statement reaches no node but by those it was given.
        nonce = secrets.token_hex(8)
        shown = {each.key: f"node_{nonce}_{number}" for number, each in enumerate(behind)}
        second = _second_names(part, shown)
        query = Query(
            _joined((*behind, part), shown),
            render.bindings.parameters,
            render.settings,
            frozenset(render.bindings.verbatim),
        )
        return CallerStatement(
            query=query,
            format=clause.name if clause is not None else None,
            own_parameters=own_parameters,
            node_names=(*shown.values(), *second),
            granted=frozenset((*_granted(part, shown), *((name,) for name in second))),
            tables_behind=frozenset(sql.strip("`") for each in behind for *_, key, sql in each.targets if key is None),
        )

    def _caller_targets(
        self, names: SqlNames, over: str | None, may_read: Callable[[str], bool]
    ) -> tuple[_Target, ...]:
        targets: list[_Target] = []
        for table in names.tables:
            wanted = TableName((over,), 0, 0) if over is not None and table.parts == ("_",) else table
            found = self._resolver.table("", "", wanted)
            resource = found.key[0] if found.kind == "node" else found.data_source
            is_readable = found.kind in ("node", "table") and (not resource or may_read(resource))
            if is_readable:
                has_alias = table.has_alias or table.is_operand
                key = found.key if found.kind == "node" else None
                targets.append((table.start, table.end, has_alias, table.name, key, found.sql))
            elif not table.is_operand:
                raise UnreadableError(table.name)
        return tuple(targets)

    def _caller_table_sql(self, name: str, may_read: Callable[[str], bool]) -> str | None:
        found = self._resolver.table("", "", TableName((name,), 0, 0))
        resource = found.key[0] if found.kind == "node" else found.data_source
        return identifier(name) if found.kind in ("node", "table") and resource and may_read(resource) else None

    def _reach(
        self,
        node: CompiledNode,
        values: Mapping[str, object],
        render: Render,
        parts: dict[Key, _Part],
        path: tuple[Key, ...],
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
        for _, _, _, _, key, _ in part.targets:
            if key is not None:
                self._reach(self._pipes[key[0]][key[1]], values, render, parts, (*path, node.key))
        parts[node.key] = part

    def _table_sql(self, node: CompiledNode, name: str) -> str | None:
        """The SQL for `table(name)`: a name that the project has, or None."""
        found = self._resolver.table(node.pipe.name, node.node.name, TableName((name,), 0, 0))
        return identifier(name) if found.kind in ("node", "table") else None

    def _analysed(self, key: Key, sql: str) -> _Part:
        try:
            names = names_of(sql)
        except SqlTextError as error:
            raise TemplateRenderError(f"node `{key[1]}`: {error}") from None
        node = self._pipes[key[0]][key[1]]
        for function in names.functions:
            if problem := self._resolver.function_problem(function, node):
                raise TemplateRenderError(f"node `{key[1]}`: {problem}")
        for setting in names.settings:
            if limit_setting(setting.name):
                raise TemplateRenderError(f"node `{key[1]}`: the setting `{setting.name}` is not a node's to change")
        targets: list[_Target] = []
        for table in names.tables:
            found = self._resolver.table(*key, table)
            has_alias = table.has_alias or table.is_operand
            if found.kind == "node":
                targets.append((table.start, table.end, has_alias, table.name, found.key, ""))
            elif found.kind == "table":
                targets.append((table.start, table.end, has_alias, table.name, None, found.sql))
            elif not table.is_operand:
                raise TemplateRenderError(found.problem)
        return _Part(key, sql, names, tuple(targets), row_counts_of(sql))


def _expect_rows(
    node: CompiledNode, counts: tuple[RowCount, ...], values: Mapping[str, object], render: Render
) -> None:
    """Raise ParameterError for a LIMIT, OFFSET or FETCH that is below zero."""
    for count in counts:
        if count.is_negative(render.bindings.parameters):
            raise negative_count(node.template, count.keyword, values)


def _joined(parts: tuple[_Part, ...], given_names: Mapping[Key, str] | None = None) -> str:
    """The statement of the last part, with the others before it.

    With `given_names` the last part is a caller's. Its columns must not stand in for a table after IN in the parts
    before it, which ClickHouse would allow (tried on 26.9): there `IN table` is written as a sub-query.
    """
    *before, answer = parts
    names = _table_names(parts) if given_names is None else given_names
    has_closed_parts = given_names is not None
    tables = [
        f"{quoted_if_needed(names[part.key])} AS (\n{_with(part, names, [], has_closed_parts)}\n)" for part in before
    ]
    return _with(answer, names, tables, is_closed=False)


def _with(part: _Part, names: Mapping[Key, str], tables: list[str], is_closed: bool) -> str:
    """A part's text after these common table expressions, and after those that it needs itself."""
    text, with_end = _renamed(part, names, is_closed)
    second = _second_names(part, names)
    own = (f"{quoted_if_needed(name)} AS (SELECT * FROM {identifier(names[key])})" for name, key in second.items())
    tables = [*tables, *own]
    if not tables:
        return text
    listed = ",\n".join(tables)
    if with_end is not None:
        return f"{text[:with_end]} {listed},{text[with_end:]}"
    if part.names.starts_with_bracket:
        return f"WITH {listed}\nSELECT * FROM (\n{text}\n)"
    return f"WITH {listed}\n{text}"


def _second_names(part: _Part, names: Mapping[Key, str]) -> dict[str, Key]:
    """The nodes that a part calls by an alias and that have another name in the statement.

    Their columns may be called by the node's own name too (`FROM n AS x WHERE n.a = x.b`, tried on 26.9), so that the
    part needs something of that name.
    """
    operands = {table.start for table in part.names.tables if table.is_operand}
    return {
        name: key
        for begin, _, has_alias, name, key, _ in part.targets
        if key is not None and has_alias and begin not in operands and names[key] != name
        if name not in part.names.defined
    }


def quoted_if_needed(name: str) -> str:
    """A name as SQL, in backticks unless it is a plain word."""
    return name if name.isascii() and name.isidentifier() else identifier(name)


def _table_names(parts: tuple[_Part, ...]) -> dict[Key, str]:
    """What each node is called in the statement: its own name, or another when that name means something else there."""
    taken = {name for part in parts for name in part.names.defined}
    taken |= {sql.strip("`") for part in parts for *_, key, sql in part.targets if key is None}
    own_pipe = parts[-1].key[0]
    entries = {key: name for part in parts for _, _, _, name, key, _ in part.targets if key and key[0] != part.key[0]}
    names: dict[Key, str] = {}
    for part in parts[:-1]:
        pipe, node = part.key
        wanted = node if pipe == own_pipe else entries.get(part.key, node)
        candidates = [wanted, f"{pipe}.{node}", *(f"{pipe}.{node}.{number}" for number in range(2, len(parts) + 2))]
        names[part.key] = next(name for name in candidates if name not in taken)
        taken.add(names[part.key])
    return names


def _granted(part: _Part, names: Mapping[Key, str]) -> Iterator[tuple[str, ...]]:
    for *_, key, sql in part.targets:
        if key is not None:
            yield (names[key],)
        else:
            yield (sql.strip("`"),) if sql.startswith("`") else tuple(sql.split("."))


def _renamed(part: _Part, names: Mapping[Key, str], is_closed: bool = False) -> tuple[str, int | None]:
    """The part's text without its `;`, each name what the statement calls it; and where its WITH's items begin."""
    operands = {table.start for table in part.names.tables if table.is_operand}
    second = _second_names(part, names)
    pieces, position, start = [], part.names.start, part.names.start
    with_end = None if part.names.with_end is None else part.names.with_end - start
    for begin, end, has_alias, name, key, sql in sorted(part.targets):
        target = names[key] if key is not None else sql.strip("`")
        if begin in operands and is_closed:
            table = sql if key is None and not sql.startswith("`") else identifier(target)
            pieces += [part.sql[position:begin], f"(SELECT * FROM {table})"]
            position = end
            continue
        if target == name and (key is not None or "." not in name or not sql.startswith("`")):
            continue
        if name in second and begin not in operands:
            continue
        alias = "" if has_alias or target == name else f" AS {quoted_if_needed(name)}"
        shown = identifier(target) if key is not None or sql.startswith("`") else sql
        pieces += [part.sql[position:begin], shown, alias]
        position = end
    return "".join([*pieces, part.sql[position : part.names.end]]), with_end
