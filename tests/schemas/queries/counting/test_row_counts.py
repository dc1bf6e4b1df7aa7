"""A LIMIT, OFFSET or FETCH that a caller's value makes negative is refused, however it is written."""

from __future__ import annotations

import pytest

from schemas.queries.counting.row_counts import row_counts_of
from schemas.template.errors import TemplateRenderError
from tests.query_api.projects import catalog, pipe

REFUSED = [
    ("LIMIT {{Int32(limit)}}", {"limit": "-2"}, "LIMIT", "`limit`"),
    ("LIMIT {{Int64(limit, 10)}} OFFSET {{Int64(page)}}", {"page": "-1"}, "OFFSET", "`page`"),
    ("LIMIT {{Int(page)}}, {{Int(size)}}", {"page": "0", "size": "-5"}, "LIMIT", "`size`"),
    ("LIMIT {{Int(page)}}, {{Int(size)}}", {"page": "-1", "size": "5"}, "LIMIT", "`page`"),
    ("LIMIT {{Int32(page) * Int32(size)}}", {"page": "-1", "size": "5"}, "LIMIT", "`page`"),
    ("OFFSET {{(Int32(page) - 1) * Int32(size)}}", {"page": "0", "size": "5"}, "OFFSET", "`page` and `size`"),
    ("OFFSET ({{Int32(page)}} - 1) * {{Int32(size)}}", {"page": "0", "size": "5"}, "OFFSET", "`page` and `size`"),
    ("OFFSET {{UInt32(page)}} * {{UInt8(size)}} - 10", {"page": "1", "size": "5"}, "OFFSET", "`page` and `size`"),
    ("{% set o = Int32(page) * 10 %}OFFSET {{o}}", {"page": "-1"}, "OFFSET", "`page`"),
    ("LIMIT {{Int32(limit)}} BY n", {"limit": "-2"}, "LIMIT", "`limit`"),
    ("LIMIT 1 OFFSET {{Int32(skip)}} BY n LIMIT 5", {"skip": "-2"}, "OFFSET", "`skip`"),
    ("ORDER BY n LIMIT {{Int32(limit)}} WITH TIES", {"limit": "-2"}, "LIMIT", "`limit`"),
    ("OFFSET 1 ROWS FETCH FIRST {{Int32(size)}} ROWS ONLY", {"size": "-2"}, "FETCH", "`size`"),
    ("FETCH NEXT {{Int32(size)}} ROW ONLY", {"size": "-2"}, "FETCH", "`size`"),
    ("LIMIT least({{Int32(limit)}}, 100)", {"limit": "-2"}, "LIMIT", "`limit`"),
    ("LIMIT toInt64({{Int32(limit)}} + 1)", {"limit": "-2"}, "LIMIT", "`limit`"),
    ("LIMIT {{Int32(limit)}}::Int64", {"limit": "-2"}, "LIMIT", "`limit`"),
    ("LIMIT CAST({{Int32(limit)}} AS Int64)", {"limit": "-2"}, "LIMIT", "`limit`"),
    ("LIMIT {{Array(limits, 'Int32')}}[1]", {"limits": "-2,1"}, "LIMIT", "`limits`"),
    ("LIMIT (SELECT {{Int32(limit)}})", {"limit": "-2"}, "LIMIT", "`limit`"),
    ("LIMIT {{Float64(limit)}}", {"limit": "-2"}, "LIMIT", "`limit`"),
    ("LIMIT -{{Int32(limit)}}", {"limit": "2"}, "LIMIT", "`limit`"),
    ("SETTINGS limit = {{Int32(limit)}}", {"limit": "-2"}, "LIMIT", "`limit`"),
    ("SETTINGS max_threads = 1, offset = {{Int32(skip)}}", {"skip": "-2"}, "OFFSET", "`skip`"),
    ("{% if defined(limit) %}LIMIT {{Int32(limit)}}{% end %}", {"limit": "-2"}, "LIMIT", "`limit`"),
]


@pytest.mark.parametrize(("clause", "values", "keyword", "named"), REFUSED, ids=[each[0] for each in REFUSED])
def test_a_count_below_zero_is_refused_with_its_parameter(
    clause: str, values: dict[str, str], keyword: str, named: str
) -> None:
    endpoint = catalog(pipe("p", n=f"% SELECT n FROM (SELECT 1 AS n) {clause}")).endpoints["p"]
    with pytest.raises(TemplateRenderError) as caught:
        endpoint.render(values)
    plural = "s" if " and " in named else ""
    assert str(caught.value) == (
        f"Template Syntax Error: {keyword} is negative. Parameter{plural} {named} must not make it less than 0."
    )
    assert caught.value.status == 400


def test_a_count_of_an_alias_and_of_a_node_behind_is_refused_too() -> None:
    alias = catalog(pipe("p", n="% WITH {{Int32(size)}} * 2 AS rows SELECT 1 LIMIT rows")).endpoints["p"]
    with pytest.raises(TemplateRenderError, match="`size`"):
        alias.render({"size": "-1"})
    assert alias.render({"size": "1"})
    behind = catalog(pipe("p", a="% SELECT 1 LIMIT {{Int32(size, 1)}}", b="SELECT * FROM a")).endpoints["p"]
    with pytest.raises(TemplateRenderError, match="`size`"):
        behind.render({"size": "-1"})


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("SELECT 1 LIMIT {{Int32(a)}}", {"a": "0"}),
        ("SELECT 1 LIMIT greatest({{Int32(a)}}, 0)", {"a": "-1"}),
        ("SELECT 1 LIMIT abs({{Int32(a)}})", {"a": "-1"}),
        ("SELECT 1 LIMIT 10 - {{Int32(a)}}", {"a": "-1"}),
        ("SELECT 1 LIMIT {{Int32(a)}} * {{Int32(a)}}", {"a": "-1"}),
        ("SELECT offset - {{Int32(a)}} FROM events", {"a": "-1"}),
        ("SELECT a, limit + {{Int32(a)}} FROM events WHERE offset >= {{Int32(a)}}", {"a": "-1"}),
        ("SELECT a FROM events WHERE a = 1 AND limit IN ({{Int32(a)}}) OR NOT limit - {{Int32(a)}}", {"a": "-1"}),
        ("SELECT 1 LIMIT (SELECT count() FROM events WHERE d = {{Date(a)}})", {"a": "2026-01-01"}),
        ("SELECT limit FROM events WHERE limit = {{Int32(a)}} ORDER BY offset, {{Int32(a)}} LIMIT 5", {"a": "-1"}),
        ("SELECT 1 AS offset FROM events ORDER BY offset WITH FILL STEP {{Int32(a)}} LIMIT 5", {"a": "-1"}),
        ("SELECT 'LIMIT ', {{Int32(a)}} -- LIMIT {{Int32(a)}}", {"a": "-1"}),
        ("SELECT 1 LIMIT -1 SETTINGS max_threads = {{Int32(a)}}", {"a": "-1"}),
    ],
)  # fmt: skip
def test_what_is_not_below_zero_or_no_count_is_taken(sql: str, values: dict[str, str]) -> None:
    assert catalog(pipe("p", n=f"% {sql}")).endpoints["p"].render(values)


def test_brackets_and_names_without_end_are_read_in_the_time_of_their_length() -> None:
    deep = "SELECT 1 LIMIT " + "(" * 500 + "{p1:Int32}" + ")" * 500
    (count,) = row_counts_of(deep)
    assert (count.expression, count.placeholders) == (None, frozenset({"p1"}))
    aliases = "WITH {p1:Int32} AS a0, " + ", ".join(f"a{n} + a{n} AS a{n + 1}" for n in range(30))
    row_counts_of(f"{aliases} SELECT 1 LIMIT a30")
