"""The functions that read one parameter."""

from __future__ import annotations

import pytest

from schemas.template.errors import ParameterError
from schemas.template.rendering import Render
from schemas.template.template import Template


def bound(source: str, **values: object) -> list[str]:
    """The SQL, and what is bound in it."""
    state = Render()
    return [Template(source).render(values, state), *state.bindings.parameters.values()]


@pytest.mark.parametrize(
    ("call", "value", "written"),
    [
        ("Int8(x)", "5", ["{p1:Int8}", "5"]),
        ("UInt256(x)", "5", ["{p1:UInt256}", "5"]),
        ("Int(x)", "5", ["{p1:Int64}", "5"]),
        ("Float64(x)", "1.5", ["{p1:Float64}", "1.5"]),
        ("String(x)", "a", ["{p1:String}", "a"]),
        ("Boolean(x)", "no", ["{p1:UInt8}", "1"]),
        ("Date(x)", "2024-01-31", ["{p1:String}", "2024-01-31"]),
    ],
)
def test_a_value_is_bound_as_its_type(call: str, value: str, written: list[str]) -> None:
    assert bound("{{" + call + "}}", x=value) == written


def test_a_default_stands_for_a_value_that_is_not_given() -> None:
    assert bound("{{Int8(x, 7)}}{{Boolean(y)}}") == ["{p1:Int8}{p2:UInt8}", "7", "0"]
    assert bound("{% if Int8(x, defined=False) is None %}none{% end %}") == ["none"]


def test_a_value_that_is_required_names_every_parameter_of_the_template() -> None:
    with pytest.raises(ParameterError, match="Check the parameters a, b and c"):
        bound("{{a}}{{b}}{{Int8(c)}}", a="1", b="2")
