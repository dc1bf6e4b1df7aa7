"""Conditions."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateRenderError
from schemas.template.rendering import Render
from schemas.template.template import Template


def bound(source: str, **values: object) -> list[str]:
    """The SQL, and what is bound in it."""
    state = Render()
    return [Template(source).render(values, state), *state.bindings.parameters.values()]


def test_a_value_is_defined_when_it_is_given_however_empty() -> None:
    assert bound("{% if defined(x) and not defined(y) %}yes{% end %}", x="") == ["yes"]


def test_conditions_without_a_value_are_left_out() -> None:
    source = "{{sql_and(a__in=Array(a, 'Int32', defined=False), b__gte=Int32(b, defined=False), c=c)}}"
    assert bound(source, a="1,2", b="3") == ["a in {p1:Array(Int32)} and b >= {p2:Int32}", "[1,2]", "3"]
    assert bound(source) == [""]


def test_an_operator_is_one_of_those_that_there_are() -> None:
    with pytest.raises(TemplateRenderError, match="operand like not supported"):
        bound("{{sql_and(a__like=x)}}", x="1")


def test_a_time_is_bound_for_the_column_that_it_is_compared_with() -> None:
    state = Render(column_kinds={"a": "second"})
    Template("{{sql_and(a__gt=DateTime(x))}}").render({"x": "2024-01-31T10:00:00Z"}, state)
    assert state.bindings.parameters == {"p1": "2024-01-31 10:00:00"}
