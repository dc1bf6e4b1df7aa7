"""What a syntax tree may hold: every name that could be that of a table which is not the caller's is refused."""

from __future__ import annotations

from typing import Any

import pytest

from query_api.errors import BadRequest, Forbidden
from query_api.questions.sql_access import check_access
from schemas.queries.compose import CallerStatement
from schemas.queries.query import Query

Tree = dict[str, Any]
TABLES = frozenset({"events", "hidden"})
STATEMENT = CallerStatement(Query(""), None, frozenset({"p1"}), (), frozenset({("events",)}), frozenset())


def select(*parts: Tree, **more: Tree) -> Tree:
    query = {"type": "SelectQuery", "expressions": list(parts), **more}
    return {"type": "SelectWithUnionQuery", "list_of_selects": {"type": "ExpressionList", "children": [query]}}


def table(name: str) -> Tree:
    return {"type": "TableExpression", "database_and_table_name": {"type": "TableIdentifier", "name": name}}


def called(name: str, *arguments: Tree, **more: object) -> Tree:
    return {"type": "Function", "name": name, "arguments": {"children": list(arguments)}, **more}


def named(name: str, **more: object) -> Tree:
    return {"type": "Identifier", "name": name, **more}


def check(tree: Tree) -> None:
    check_access(tree, STATEMENT, TABLES, "board")


@pytest.mark.parametrize(
    "tree",
    [
        select(table("events")),
        select(called("in", named("kind"), named("events"))),
        select(called("in", named("kind"), named("a_column"))),
        select({"type": "QueryParameter", "name": "p1"}),
        select({"type": "SetQuery", "changes": [{"name": "max_threads"}]}),
    ],
    ids=["table", "in a table", "in a column", "own parameter", "setting"],
)
def test_what_is_the_callers_to_read_passes(tree: Tree) -> None:
    check(tree)


@pytest.mark.parametrize(
    ("tree", "error", "words"),
    [
        (select(table("hidden")), Forbidden, "may not read `hidden`"),
        (select(table("nothing")), Forbidden, "may not read `nothing`"),
        (select(called("in", named("kind"), named("hidden"))), Forbidden, "may not read `hidden`"),
        (
            select(named("hidden", alias="a"), called("globalNotIn", named("kind"), named("a"))),
            Forbidden,
            "may not read `hidden`",
        ),
        (select(called("currentUser")), Forbidden, "function `currentUser`"),
        (select(called("arrayMap", named("currentUser"))), Forbidden, "function `currentUser`"),
        (select(called("arrayExists", named("in"))), BadRequest, "IN cannot be passed"),
        (select(called("plus", is_lambda_function=True, alias="f")), BadRequest, "lambda cannot have a name"),
        (
            select({"type": "TableExpression", "table_function": {"type": "Function", "name": "url"}}),
            Forbidden,
            "table function `url`",
        ),
        (select({"type": "SetQuery", "changes": [{"name": "readonly"}]}), Forbidden, "setting `readonly`"),
        (select({"type": "QueryParameter", "name": "p9"}), BadRequest, "query parameter `p9`"),
        (select({"type": "OfALaterClickHouse"}), BadRequest, "`OfALaterClickHouse`"),
        (
            select({"type": "WithElement", "name": "hidden"}),
            BadRequest,
            "common table expression cannot be called `hidden`",
        ),
        ({"type": "InsertQuery"}, BadRequest, "only a SELECT"),
        ({**select(), "out_file": {}}, BadRequest, "clause `out_file`"),
        (
            select({"type": "TablesInSelectQuery", "children": [table("events")] * 33}),
            BadRequest,
            "joins more than the `32`",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_could_read_more_is_refused(tree: Tree, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        check(tree)
