"""Which column a tag is compared with."""

from __future__ import annotations

import pytest

from schemas.template.compiling.comparisons import compared_columns
from schemas.template.compiling.tags import split

TAG = "{{Date(x)}}"


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        (f"WHERE t.`a b` >= {TAG}", "a b"),
        (f"WHERE a IN ({TAG})", "a"),
        (f"WHERE a NOT BETWEEN 1 AND {TAG}", "a"),
        (f"WHERE {TAG} < a", "a"),
        (f"WHERE toStartOfHour(a) = {TAG}", ""),
    ],
)
def test_the_column_beside_a_comparison_is_found(sql: str, column: str) -> None:
    assert list(compared_columns(split(sql)).values()) == [column]


@pytest.mark.parametrize(
    "sql", [f"SELECT {TAG}", f"WHERE f(a) = {TAG}", f"WHERE {TAG} = f(a)", "WHERE a = {{Int8(x)}}"]
)
def test_anything_else_is_compared_with_no_column(sql: str) -> None:
    assert compared_columns(split(sql)) == {}
