"""Values as placeholders."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateRenderError
from schemas.template.limits import Budget
from schemas.template.values.binding import Bindings, constant, typed_text
from schemas.template.values.typed import INTEGER_TYPES, Fragment, Identifier, SqlText, TypedArray


@pytest.mark.parametrize(
    ("value", "type_name", "text"),
    [
        ("a'b", "String", "a'b"),
        (True, "Bool", "true"),
        (2**63, "Int128", str(2**63)),
        (INTEGER_TYPES["UInt8"](5), "UInt8", "5"),
        (1.5, "Float64", "1.5"),
        (["a'b", "c\\"], "Array(String)", "['a\\'b','c\\\\']"),
        ([1, 2.5], "Array(Float64)", "[1,2.5]"),
        (TypedArray([1], "Int8"), "Array(Int8)", "[1]"),
        ({"a": 1}, "Map(String,Int64)", "{'a':1}"),
    ],
)
def test_a_value_has_a_type_and_a_text(value: object, type_name: str, text: str) -> None:
    assert typed_text(value) == (type_name, text)


@pytest.mark.parametrize("value", [["a", 1], 2**300, object()])
def test_what_clickhouse_has_no_value_for_is_refused(value: object) -> None:
    with pytest.raises(TemplateRenderError):
        typed_text(value)


def test_equal_values_of_one_type_share_a_name() -> None:
    bindings = Bindings(Budget())
    fragment = Fragment((SqlText("max("), Identifier("a"), SqlText(")")))
    assert [bindings.sql(each) for each in ("a", fragment, "a", 1)] == [
        "{p1:String}",
        "max({p2:Identifier})",
        "{p1:String}",
        "{p3:Int64}",
    ]
    assert bindings.verbatim == {"p2"}


@pytest.mark.parametrize(("value", "text"), [(1, "1"), (0.1, "0.1"), (-0.0, "0"), (1e-15, "0.000000000000001")])
def test_a_constant_is_digits_and_at_most_one_point(value: object, text: str) -> None:
    assert constant(value).rstrip(".") == text
