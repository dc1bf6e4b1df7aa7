"""Lists and objects."""

from __future__ import annotations

import pytest

from schemas.template.errors import ParameterError, TemplateRenderError
from schemas.template.rendering import Render
from schemas.template.template import Template


def bound(source: str, **values: object) -> list[str]:
    """The SQL, and what is bound in it."""
    state = Render()
    return [Template(source).render(values, state), *state.bindings.parameters.values()]


def test_an_array_is_split_at_commas_and_not_trimmed() -> None:
    assert bound("{{Array(x)}}", x="a, b") == ["{p1:Array(String)}", "['a',' b']"]
    assert bound("{{Array(x, 'Int8')}}", x="1,2") == ["{p1:Array(Int8)}", "[1,2]"]
    assert bound("{{Array(x, 'Int8', '3')}}") == ["{p1:Array(Int8)}", "[3]"]


def test_split_to_array_trims_its_parts() -> None:
    assert bound("{{split_to_array(x)}}", x="a, b") == ["{p1:Array(String)}", "['a','b']"]


def test_json_is_read_and_gone_through() -> None:
    source = "{% for last, i in enumerate_with_last(JSON(x)) %}{{i['a']}}{% if not last %},{% end %}{% end %}"
    assert bound(source, x='[{"a": 1}, {"a": "b"}]') == ["{p1:Int64},{p2:String}", "1", "b"]


@pytest.mark.parametrize(("text", "told"), [("{bad", "Expecting property name"), ("NaN", "NaN is no JSON")])
def test_what_is_no_json_is_told(text: str, told: str) -> None:
    with pytest.raises(ParameterError, match=f"Error parsing JSON: '{text}' - {told}"):
        bound("{{JSON(x)}}", x=text)


def test_what_is_no_list_is_not_gone_through() -> None:
    with pytest.raises(TemplateRenderError, match=r"enumerate_with_last\(\) takes a list, not a whole number"):
        bound("{% for a, b in enumerate_with_last(5) %}{% end %}")
