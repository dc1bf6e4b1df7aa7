"""The columns in an expression."""

from __future__ import annotations

import pytest

from schemas.sql.expressions import names_in


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("a, toYYYYMM(b)", ("a", "b")),
        ("`a b` + 1", ("a b",)),
        ("t.a.b", ()),
        ("a + INTERVAL 3 DAY", ("a",)),
        ("a + toIntervalDay(3) DELETE WHERE b = 1", ("a",)),
        ("arrayMap(x -> x + a, b)", ("a", "b")),
        ("a::String", ("a",)),
        ("'a' = NULL", ()),
        ("'not closed", ()),
        ("tuple()", ()),
    ],
)
def test_a_column_is_no_function_no_unit_and_no_argument(expression: str, names: tuple[str, ...]) -> None:
    assert names_in(expression) == names
