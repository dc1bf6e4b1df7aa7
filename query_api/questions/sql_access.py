"""What a caller's own SQL may read, proven on the syntax tree that ClickHouse's parser makes of the whole statement.

`parseQueryToJSON` (ClickHouse 26.8) gives that tree without running anything, not even a constant sub-query. Whether a
name in it is a table's, a common table expression's or a column's shows only when ClickHouse resolves it, so nothing
here relies on scopes: a statement is refused as soon as one of its names could be that of a table which is not the
caller's to read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from query_api.errors import BadRequest, Forbidden
from query_api.questions.sql_functions import is_refused, takes_function, takes_table
from schemas.queries.compose import CallerStatement
from schemas.queries.resolve import TABLE_FUNCTIONS

Tree = dict[str, Any]

# What pipes may use, what rearranges the tables that it is given, and `FROM (VALUES …)`.
_TABLE_FUNCTIONS = TABLE_FUNCTIONS | {"view", "SQLStandardValues"}
# Every kind of node that is understood here. What a later ClickHouse adds is refused until somebody has looked at it.
_KNOWN_NAMES = """
    ArrayJoin Asterisk ColumnsApplyTransformer ColumnsExceptTransformer ColumnsListMatcher ColumnsRegexpMatcher
    ColumnsReplaceTransformer ColumnsReplaceTransformerReplacement ColumnsTransformerList DataType
    ExpressionList Function Identifier InterpolateElement Literal OrderByElement QualifiedAsterisk
    QualifiedColumnsListMatcher QualifiedColumnsRegexpMatcher QueryParameter SampleRatio
    SelectIntersectExceptQuery SelectQuery SelectWithUnionQuery SetQuery Subquery TableExpression
    TableIdentifier TableJoin TablesInSelectQuery TablesInSelectQueryElement WindowDefinition WindowListElement
    WithElement
"""
_KNOWN = frozenset(_KNOWN_NAMES.split())
_OF_QUERY_NAMES = """
    type union_mode list_of_modes list_of_selects is_outfile_append is_outfile_truncate
    is_into_outfile_with_stdout settings_ast
"""
_OF_QUERY = frozenset(_OF_QUERY_NAMES.split())
# Tables of one SELECT: ClickHouse plans a join in a time that grows with their square, and does not look at its clock.
_MAX_JOINED = 32
# Settings that change how values are shown or joined, and reach no data and no limit.
_SETTINGS_NAMES = """
    aggregate_functions_null_for_empty any_join_distinct_right_table_keys cast_keep_nullable
    date_time_output_format empty_result_for_aggregation_by_empty_set extremes group_by_use_nulls join_algorithm
    join_default_strictness join_use_nulls max_threads optimize_aggregation_in_order optimize_read_in_order
    output_format_decimal_trailing_zeros output_format_json_named_tuples_as_objects
    output_format_json_quote_64bit_integers output_format_json_quote_decimals output_format_json_quote_denormals
    output_format_parquet_string_as_string prefer_column_name_to_alias session_timezone transform_null_in
    union_default_mode
"""
_SETTINGS = frozenset(_SETTINGS_NAMES.split())


def check_access(tree: Tree, statement: CallerStatement, tables: frozenset[str], token: str) -> None:
    """Refuse a statement that could read more than it was granted.

    `tree` is ClickHouse's of the statement's whole SQL, `tables` are all tables of the database. Raises `Forbidden`
    and `BadRequest`.
    """
    if tree.get("type") not in ("SelectWithUnionQuery", "SelectIntersectExceptQuery"):
        raise BadRequest("only a SELECT can be run here")
    own = _without_nodes(tree, statement.node_names)
    names = {str(each.get("name")) for each in _all(own, "WithElement")}
    readable = {name for (name, *more) in statement.granted if not more}
    if taken := names & ((tables - readable) | statement.tables_behind):
        name = min(taken)
        raise BadRequest(f"a common table expression cannot be called `{name}` here\nhint: give it another name")
    aliases: dict[str, list[tuple[str, ...]]] = {}
    for identifier in _all(own, "Identifier"):
        if "alias" in identifier:
            aliases.setdefault(identifier["alias"], []).append(_parts(identifier))
    check = _Check(statement, tables, frozenset(names), aliases, token)
    for node in own:
        if node["type"] not in _KNOWN:
            raise BadRequest(f"the SQL holds a `{node['type']}`, which cannot be run here")
        check.node(node)


def _without_nodes(tree: Tree, node_names: tuple[str, ...]) -> list[Tree]:
    """The nodes of the tree but for the project's own, which must be where they were put: first in the first WITH."""
    found: list[Tree] = []
    if node_names:
        select = tree
        while "list_of_selects" in select:
            select = select["list_of_selects"]["children"][0]
        elements = select.get("with", {}).get("children", [])
        found = elements[: len(node_names)]
        if tuple(element.get("name") for element in found) != node_names:
            raise BadRequest("the SQL cannot be put together with what it reads\nhint: begin it with SELECT or WITH")
    return list(_nodes(tree, {id(element) for element in found}))


def _nodes(tree: Tree, left_out: set[int]) -> Iterator[Tree]:
    pending: list[Any] = [tree]
    while pending:
        current = pending.pop()
        if isinstance(current, list):
            pending.extend(current)
        elif isinstance(current, dict) and id(current) not in left_out:
            if "type" in current:
                yield current
            pending.extend(current.values())


def _all(nodes: list[Tree], kind: str) -> Iterator[Tree]:
    return (node for node in nodes if node["type"] == kind)


@dataclass(frozen=True, slots=True)
class _Check:
    """What is asked of each node of the tree.

    `expressions` are the common table expressions of the caller, `aliases` what they call another name.
    """

    statement: CallerStatement
    tables: frozenset[str]
    expressions: frozenset[str]
    aliases: Mapping[str, list[tuple[str, ...]]]
    token: str
    # Names that stand for no table which may not be read: each is followed once, however often it is named.
    followed: set[tuple[str, ...]] = field(default_factory=set)

    def node(self, node: Tree) -> None:
        match node["type"]:
            case "SelectWithUnionQuery" | "SelectIntersectExceptQuery":
                if unknown := node.keys() - _OF_QUERY:
                    raise BadRequest(f"the SQL cannot have a clause `{min(unknown)}` here")
            case "TablesInSelectQuery":
                if len(node.get("children", ())) > _MAX_JOINED:
                    raise BadRequest(f"a SELECT joins more than the `{_MAX_JOINED}` tables that are taken")
            case "TableIdentifier":
                self._table(node)
            case "TableExpression":
                self._table_function(node.get("table_function"))
            case "Function":
                self._function(node)
            case "ColumnsApplyTransformer":
                self._called(node.get("func_name", ""))
                if takes_table(node.get("func_name", "")):
                    raise BadRequest("IN cannot be applied to columns here")
            case "SetQuery":
                self._settings(node)
            case "QueryParameter":
                if node.get("name") not in self.statement.own_parameters:
                    raise BadRequest(f"the SQL names a query parameter `{node.get('name')}`, which has no value")

    def _table(self, node: Tree) -> None:
        parts = _parts(node)
        is_expression = len(parts) == 1 and parts[0] in self.expressions
        if parts not in self.statement.granted and not is_expression:
            raise unreadable(self.token, ".".join(parts))

    def _table_function(self, function: Tree | None) -> None:
        if function is not None and function.get("name") not in _TABLE_FUNCTIONS:
            raise Forbidden(f"the table function `{function.get('name')}` is not allowed")

    def _function(self, node: Tree) -> None:
        name = node.get("name", "")
        self._called(name)
        arguments = node.get("arguments", {}).get("children", [])
        if node.get("is_lambda_function") and "alias" in node:
            # It would take a function's place in the project's own nodes too (tried on 26.9).
            raise BadRequest("a lambda cannot have a name here\nhint: write it where it is used")
        if takes_function(name):
            for argument in arguments:
                if argument.get("type") == "Identifier":
                    self._called(argument.get("name", ""))
                    if takes_table(argument.get("name", "")):
                        raise BadRequest("IN cannot be passed as a function here")
        if takes_table(name):
            for argument in arguments[1:]:
                if argument.get("type") == "Identifier":
                    self._operand(argument)

    def _operand(self, node: Tree) -> None:
        """`x IN name`: a table that may be read, or surely none, be it by another name (`WITH table AS name`)."""
        pending = [_parts(node)]
        while pending:
            parts = pending.pop()
            if parts in self.followed:
                continue
            is_column = len(parts) == 1 and parts[0] and parts[0] not in self.tables
            if not is_column and parts not in self.statement.granted:
                raise unreadable(self.token, ".".join(parts))
            self.followed.add(parts)
            pending.extend(self.aliases.get(parts[0], ()))

    def _called(self, name: str) -> None:
        if is_refused(name):
            raise Forbidden(f"the function `{name}` is not allowed")

    def _settings(self, node: Tree) -> None:
        changed = {str(change.get("name")) for change in node.get("changes", [])}
        if refused := (changed - _SETTINGS) | (node.keys() - {"type", "changes"}):
            raise Forbidden(f"the setting `{min(refused)}` is not a caller's to change")


def unreadable(token: str, name: str) -> Forbidden:
    """The same answer for a resource that is not there and for one that is not the token's to read."""
    return Forbidden(f"the token `{token}` may not read `{name[:200]}`, or there is no such resource")


def _parts(node: Tree) -> tuple[str, ...]:
    """The parts of an identifier; one that stands for a bound value is empty, and no name of anything."""
    return tuple(node.get("name_parts") or [node.get("name", "")])
