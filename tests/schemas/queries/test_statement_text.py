"""Nodes put together into one text."""

from __future__ import annotations

from schemas.queries.nodes import NodeKey
from schemas.queries.part import NodeTarget, Part, TableTarget
from schemas.queries.resolve import KnownTable
from schemas.queries.statement_text import joined, joined_for_caller, second_names
from schemas.sql.names import names_of


def part(pipe: str, node: str, sql: str, **nodes: str) -> Part:
    """A node whose names are tables, unless `nodes` says of which pipe they are a node."""
    names = names_of(sql)
    of_nodes = tuple(
        NodeTarget(each, NodeKey(nodes[each.name], each.name)) for each in names.tables if each.name in nodes
    )
    tables = tuple(TableTarget(each, KnownTable(each.name)) for each in names.tables if each.name not in nodes)
    return Part(NodeKey(pipe, node), sql, names, of_nodes, tables)


def test_a_node_alone_is_its_text_without_the_semicolon() -> None:
    assert joined([part("p", "n", "SELECT * FROM t;")]) == "SELECT * FROM t"


def test_a_dotted_table_keeps_its_name_as_an_alias() -> None:
    assert joined([part("p", "n", "SELECT * FROM a.b")]) == "SELECT * FROM `a.b`"


def test_a_node_stands_before_the_one_that_reads_it() -> None:
    parts = [part("p", "a", "SELECT 1"), part("p", "n", "SELECT * FROM a", a="p")]
    assert joined(parts) == "WITH a AS (\nSELECT 1\n)\nSELECT * FROM a"


def test_a_node_called_as_a_table_of_the_statement_has_another_name() -> None:
    parts = [part("q", "t", "SELECT * FROM t"), part("p", "n", "SELECT * FROM t", t="q")]
    assert joined(parts) == "WITH `q.t` AS (\nSELECT * FROM t\n)\nSELECT * FROM `q.t` AS t"


def test_a_node_with_an_alias_keeps_a_second_name_for_its_columns() -> None:
    caller = part("", "", "SELECT a.x FROM a AS b", a="p")
    names = {NodeKey("p", "a"): "node_0"}
    assert second_names(caller, names) == {"a": NodeKey("p", "a")}
    text = joined_for_caller([part("p", "a", "SELECT 1 AS x"), caller], names)
    assert text == "WITH node_0 AS (\nSELECT 1 AS x\n),\na AS (SELECT * FROM `node_0`)\nSELECT a.x FROM a AS b"


def test_no_column_of_a_caller_stands_in_for_a_table_after_in() -> None:
    behind = part("p", "a", "SELECT 1 IN t")
    text = joined_for_caller([behind, part("", "", "SELECT * FROM a", a="p")], {NodeKey("p", "a"): "node_0"})
    assert "SELECT 1 IN (SELECT * FROM `t`)" in text
