"""Names of columns and tables."""

from __future__ import annotations

import pytest

from schemas.template.errors import ParameterError, TemplateRenderError
from schemas.template.rendering import Render
from schemas.template.template import Template


def bound(source: str, **values: object) -> list[str]:
    """The SQL, and what is bound in it."""
    state = Render()
    return [Template(source).render(values, state), *state.bindings.parameters.values()]


def test_the_parts_of_a_name_are_bound_one_by_one() -> None:
    assert bound("{{column(x, 'd')}}", x='a.b"c') == ["{p1:Identifier}.{p2:Identifier}", "a", "bc"]
    assert bound("{{columns(x)}}", x="a, b") == ["{p1:Identifier},{p2:Identifier}", "a", "b"]
    assert bound("{{columns(x, 'a', fn='max')}}") == ["max({p1:Identifier}) as {p1:Identifier}", "a"]


def test_a_symbol_may_have_something_around_it() -> None:
    assert bound("{{symbol(x)}}{{symbol(x, '_')}}", x="a") == ["{p1:Identifier}{p2:Identifier}", "a", "_a_"]


@pytest.mark.parametrize("call", ["column(x)", "columns(x)", "columns(x, ['a'])"])
def test_a_column_needs_a_name(call: str) -> None:
    with pytest.raises(ParameterError):
        bound("{{" + call + "}}")


def test_a_table_is_one_of_the_project() -> None:
    state = Render(table_name=lambda name: f"`{name}`" if name == "events" else None)
    assert Template("{{table('events')}}{{TABLE(x)}}").render({"x": "events"}, state) == "`events``events`"
    with pytest.raises(TemplateRenderError, match="not 'a; DROP'"):
        Template("{{table(x)}}").render({"x": "a; DROP"}, state)
