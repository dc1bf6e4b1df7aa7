"""Which templates can change their columns."""

from __future__ import annotations

import pytest

from query_api.openapi.column_choice import can_choose_columns
from schemas.template.compiling.tags import split

IF = "{% if defined(x) %}"


@pytest.mark.parametrize(
    "template",
    [
        "SELECT a FROM t WHERE b = {{String(x)}}",
        f"SELECT a FROM t WHERE 1 {IF} AND b = {{{{String(x)}}}} {{% end %}} LIMIT 5",
        f"SELECT a FROM t {IF} WHERE b = 1 {{% end %}}",
        f"SELECT a FROM t {IF} ORDER BY a {{% else %}} LIMIT 3 {{% end %}}",
        f"SELECT a FROM t WHERE (b = 1 {IF} OR c = 2 {{% end %}})",
        f"SELECT a FROM t WHERE 1 {IF} AND b IN (SELECT b FROM u WHERE 1) {{% end %}}",
        f"SELECT a FROM (SELECT a FROM t WHERE 1 {IF} AND b {{% end %}}) GROUP BY a",
        f"WITH w AS (SELECT a FROM t WHERE 1 {IF} AND b {{% end %}}) SELECT a FROM w",
    ],
)
def test_blocks_that_only_narrow(template: str) -> None:
    assert not can_choose_columns(split(template))


@pytest.mark.parametrize(
    "template",
    [
        f"SELECT a {IF}, b {{% end %}} FROM t",
        f"SELECT {IF} a {{% else %}} b {{% end %}} FROM t",
        f"SELECT * FROM {IF} t {{% else %}} u {{% end %}}",
        f"SELECT * FROM t {IF} JOIN u USING k {{% end %}}",
        f"SELECT * FROM t {IF} {{{{String(x)}}}} {{% end %}}",
        f"SELECT a FROM t WHERE 1 {IF} UNION ALL SELECT b FROM u {{% end %}}",
        f"SELECT (SELECT 1 WHERE 1) {IF}, b {{% end %}} FROM t",
        f"SELECT a FROM (SELECT a FROM t WHERE b {IF} ) JOIN (SELECT c {{% end %}})",
        f"SELECT 'where', `where` {IF}, b {{% end %}} -- where\n FROM t",
        f"{IF} SELECT a FROM t {{% else %}} SELECT b FROM t {{% end %}}",
        "SELECT {{columns(c, 'a')}} FROM t",
        "SELECT a FROM t WHERE 1 {% for each in split_to_array(x) %} UNION ALL SELECT 1 {% end %}",
    ],
)
def test_blocks_and_tags_that_may_choose_columns(template: str) -> None:
    assert can_choose_columns(split(template))
