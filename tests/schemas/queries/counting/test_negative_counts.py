"""The words for a count of rows below zero."""

from __future__ import annotations

import pytest

from schemas.queries.counting.negative_counts import negative_count
from schemas.template.template import Template

SOURCE = "SELECT 1 FROM t WHERE a = {{Int32(a)}} LIMIT {{Int32(size)}} OFFSET {{Int32(page)}} * {{Int32(size)}}"


@pytest.mark.parametrize(
    ("keyword", "values", "told"),
    [
        ("LIMIT", {"size": "-1"}, "LIMIT is negative. Parameter `size` must not make it less than 0."),
        ("OFFSET", {"page": "-1", "size": "2"}, "OFFSET is negative. Parameter `page` must not make it less than 0."),
        ("OFFSET", {}, "OFFSET is negative. Parameters `page` and `size` must not make it less than 0."),
        (
            "FETCH",
            {"a": "1"},
            "FETCH is negative. Parameters `a` and `page` and `size` must not make it less than 0.",
        ),
    ],
)
def test_the_parameters_of_the_clause_are_named(keyword: str, values: dict[str, str], told: str) -> None:
    assert negative_count(Template(SOURCE), keyword, values).message == told


def test_sql_without_a_template_names_none() -> None:
    assert negative_count(None, "LIMIT", {}).message == "LIMIT is negative. It must not make it less than 0."
