"""Members of containers, each judged and converted by its own JSON text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.files.column_type import parse_column_type
from schemas.mapping.values.raw_json import boolean, is_member, is_right, number, value


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ("Array(Map(String, Int8))", True),
        ("Array(JSON)", False),
        ("AggregateFunction(sum, Int8)", False),
        ("Nullable(Bool)", True),
    ],
)
def test_what_is_judged_here(kind: str, member: bool) -> None:
    assert is_member(parse_column_type(kind)) is member


@pytest.mark.parametrize(
    ("kind", "text", "shown"),
    [
        ("Array(Int8)", "[1,-0.0,3.0]", "[1,0,3]"),
        ("Array(Int8)", '["1"]', None),
        ("Array(Int8)", "[128]", None),
        ("Array(Int64)", '["9223372036854775807"]', "[9223372036854775807]"),
        ("Array(Int128)", "[170141183460469231731687303715884105728]", None),
        ("Array(Nullable(Float32))", "[null,1e39]", None),
        ("Array(Nullable(Float32))", "[null,1.5]", "[NULL,1.5]"),
        ("Map(Int32, String)", '{"1":"a"}', "{1:'a'}"),
        ("Map(Int32, String)", '{"01":"a"}', None),
        ("Tuple(Int8, String)", '[1,"x"]', "(1,'x')"),
        ("Tuple(Int8, String)", '[1,"x",3]', None),
        ("Tuple(a Int8)", '{"a":1,"b":2}', "(1)"),
        ("Array(Array(Bool))", "[[true],[]]", "[[true],[]]"),
        ("Array(Array(Bool))", "[[1]]", None),
    ],
)
def test_a_text_is_right_and_has_a_value_or_is_wrong(
    evaluate: Callable[..., Any], kind: str, text: str, shown: str | None
) -> None:
    column_type = parse_column_type(kind)
    assert bool(evaluate(is_right(column_type, "`__value`"), text)) is (shown is not None)
    if shown is not None:
        assert evaluate(f"toString({value(column_type, '`__value`')})", text) == shown


@pytest.mark.parametrize(("text", "found"), [("true", True), ("false", False), ("1", None), ('"true"', None)])
def test_a_bool_is_no_number(evaluate: Callable[..., Any], text: str, found: bool | None) -> None:
    assert evaluate(boolean("`__value`"), text) is found


@pytest.mark.parametrize(
    ("family", "text", "found"),
    [
        ("Int32", "-0", "0"),
        ("Int32", '"3"', None),
        ("UInt64", '"3"', "3"),
        ("UInt64", '"03"', None),
        ("Float64", "1e309", None),
    ],
)
def test_a_number_by_its_text(evaluate: Callable[..., Any], family: str, text: str, found: str | None) -> None:
    assert evaluate(f"toString({number(family, '`__value`')})", text) == found
