"""Nodes become common table expressions of one statement, under names that mean the same thing everywhere in it."""

from __future__ import annotations

import pytest

from schemas.model import Materialization, Pipe
from schemas.template.errors import TemplateRenderError
from tests.query_api.projects import catalog, pipe


def sql(
    endpoint: str,
    *pipes: Pipe,
    values: dict[str, str] | None = None,
    tables: tuple[str, ...] = ("events", "users", "A.b"),
) -> str:
    query = catalog(*pipes, tables=tables).endpoints[endpoint].render(values or {})
    return " ".join(query.sql.split())


def test_one_node_is_its_own_statement() -> None:
    assert sql("p", pipe("p", n="SELECT 1 FROM events;")) == "SELECT 1 FROM events"


def test_nodes_stand_before_what_reads_them_whatever_their_order_in_the_file() -> None:
    composed = sql(
        "p", pipe("p", b="SELECT * FROM a", a="SELECT 1 AS x FROM events", n="SELECT * FROM b JOIN a USING x")
    )
    assert composed == (
        "WITH a AS ( SELECT 1 AS x FROM events ), b AS ( SELECT * FROM a ) SELECT * FROM b JOIN a USING x"
    )


def test_a_node_that_is_not_reached_is_not_rendered() -> None:
    broken = "%\nSELECT {{error('never')}}"
    assert sql("p", pipe("p", broken=broken, n="SELECT 1 FROM events")) == "SELECT 1 FROM events"
    chosen = "%\nSELECT * FROM {% if defined(x) %}broken{% else %}events{% end %}"
    assert sql("p", pipe("p", broken=broken, n=chosen)) == "SELECT * FROM events"
    with pytest.raises(TemplateRenderError, match="never"):
        sql("p", pipe("p", broken=broken, n=chosen), values={"x": "1"})


def test_a_leading_with_is_merged() -> None:
    composed = sql("p", pipe("p", a="SELECT 1 AS x", n="WITH 5 AS k, c AS (SELECT * FROM a) SELECT k FROM c"))
    assert composed == "WITH a AS ( SELECT 1 AS x ), 5 AS k, c AS (SELECT * FROM a) SELECT k FROM c"


def test_a_leading_with_recursive_is_merged() -> None:
    recursive = "WITH RECURSIVE c AS (SELECT x FROM a) SELECT * FROM c"
    assert sql("p", pipe("p", a="SELECT 1 AS x", n=recursive)).startswith(
        "WITH RECURSIVE a AS ( SELECT 1 AS x ), c AS ("
    )


def test_a_statement_in_brackets_is_wrapped() -> None:
    union = "(SELECT * FROM a) UNION ALL (SELECT * FROM a)"
    assert sql("p", pipe("p", a="SELECT 1 AS x", n=union)) == f"WITH a AS ( SELECT 1 AS x ) SELECT * FROM ( {union} )"


def test_a_line_comment_at_a_nodes_end_hides_nothing() -> None:
    query = catalog(pipe("p", a="SELECT 1 AS x -- one", n="SELECT * FROM a")).endpoints["p"].render({})
    assert query.sql == "WITH a AS (\nSELECT 1 AS x\n)\nSELECT * FROM a"


def test_a_node_named_as_the_table_it_reads_gets_another_name() -> None:
    composed = sql("p", pipe("p", events="SELECT * FROM events WHERE x", n="SELECT events.x FROM events"))
    assert composed == "WITH `p.events` AS ( SELECT * FROM events WHERE x ) SELECT events.x FROM `p.events` AS events"


def test_a_nodes_own_with_hides_another_node() -> None:
    composed = sql(
        "p", pipe("p", a="SELECT 1 AS x", b="SELECT * FROM a", n="WITH a AS (SELECT 2 AS x) SELECT * FROM a, b")
    )
    assert composed == (
        "WITH `p.a` AS ( SELECT 1 AS x ), b AS ( SELECT * FROM `p.a` AS a ), a AS (SELECT 2 AS x) SELECT * FROM a, b"
    )


def test_another_pipe_is_its_endpoint_and_its_parameters_flow_through() -> None:
    other = pipe(
        "other", n="% SELECT * FROM events WHERE y = {{String(y)}}", end="% SELECT * FROM n LIMIT {{Int8(k, 3)}}"
    )
    pipes = (other, pipe("p", n="SELECT 1 AS x", end="% SELECT * FROM other, n WHERE z = {{String(y)}}"))
    query = catalog(*pipes).endpoints["p"].render({"y": "value"})
    assert query.parameters == {"p1": "value", "p2": "3"}
    assert " ".join(query.sql.split()) == (
        "WITH n AS ( SELECT * FROM events WHERE y = {p1:String} ), other AS ( SELECT * FROM n LIMIT {p2:Int8} ), "
        "`p.n` AS ( SELECT 1 AS x ) SELECT * FROM other, `p.n` AS n WHERE z = {p1:String}"
    )


def test_a_pipe_without_an_endpoint_is_its_last_node() -> None:
    assert "AS ( SELECT 2 )" in sql(
        "p", pipe("view", kind=None, a="SELECT 1", b="SELECT 2"), pipe("p", n="SELECT * FROM view")
    )


@pytest.mark.parametrize(
    ("written", "composed"),
    [
        ("SELECT * FROM events_quarantine", "SELECT * FROM events_quarantine"),
        ("SELECT * FROM events__v3", "SELECT * FROM `events` AS events__v3"),
        ("SELECT * FROM events__v3 e", "SELECT * FROM `events` e"),
        ("SELECT * FROM v1_0_2.events", "SELECT * FROM `events` AS `v1_0_2.events`"),
        ("SELECT * FROM A.b", "SELECT * FROM `A.b`"),
        ('SELECT * FROM "events"', 'SELECT * FROM "events"'),
        ("SELECT * FROM system.one, numbers(3)", "SELECT * FROM system.one, numbers(3)"),
        ("% SELECT * FROM {{table('users')}}", "SELECT * FROM `users`"),
        ("SELECT 1 IN events", "SELECT 1 IN events"),
    ],
)
def test_tables_are_called_what_clickhouse_calls_them(written: str, composed: str) -> None:
    assert sql("p", pipe("p", n=written)) == composed


def test_table_may_choose_a_node() -> None:
    chosen = "% SELECT * FROM {{table(which)}}"
    composed = sql("p", pipe("p", a="SELECT 1", n=chosen), values={"which": "a"})
    assert composed == "WITH a AS ( SELECT 1 ) SELECT * FROM `a`"


def test_table_cannot_make_a_circle() -> None:
    pipes = pipe("p", a="% SELECT * FROM {{table(x)}}", n="SELECT * FROM a")
    with pytest.raises(TemplateRenderError, match="circle"):
        sql("p", pipes, values={"x": "n"})


def test_a_render_that_names_something_unknown_is_refused() -> None:
    with pytest.raises(TemplateRenderError, match="table\\(\\) takes the name"):
        sql("p", pipe("p", n="% SELECT * FROM {{table(x)}}"), values={"x": "system.users"})


def test_the_secret_is_bound() -> None:
    query = catalog(pipe("p", n="% SELECT {{tb_secret('salt')}}")).endpoints["p"].render({})
    assert (query.sql.strip(), query.parameters) == ("SELECT {p1:String}", {"p1": "the secret"})


def test_arrays_and_identifiers_are_marked_as_verbatim() -> None:
    query = (
        catalog(pipe("p", n="% SELECT {{Array(a, 'String', 'x')}}, {{column(c, 'd')}}, {{String(s, 't')}}"))
        .endpoints["p"]
        .render({})
    )
    assert query.verbatim == {"p1", "p2"}


def test_a_materialized_node_is_read_by_nobody_but_may_be_in_the_project() -> None:
    views = pipe("view", kind=Materialization("hourly"), n="SELECT * FROM events")
    assert sql("p", views, pipe("p", n="SELECT 1")) == "SELECT 1"
