"""Python's own functions."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateLimitError, TemplateRenderError
from schemas.template.rendering import Render
from schemas.template.template import Template


def bound(source: str, **values: object) -> list[str]:
    """The SQL, and what is bound in it."""
    state = Render()
    return [Template(source).render(values, state), *state.bindings.parameters.values()]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("int('ff', 16)", "255"),
        ("float('1.5')", "1.5"),
        ("len([1, 2])", "2"),
        ("sum([1, 2])", "3"),
        ("sorted([2, 1])", "[1,2]"),
        ("list(range(2))", "[0,1]"),
        ("str(None)", "None"),
        ("abs(-1)", "1"),
        ("max(1, 2)", "2"),
    ],
)
def test_they_do_as_python_does(expression: str, value: str) -> None:
    assert bound("{% set v = " + expression + " %}{{v}}")[1] == value


@pytest.mark.parametrize("expression", ["range(10 ** 9)", "int('1' * 5000)"])
def test_none_makes_more_than_a_render_may_hold(expression: str) -> None:
    with pytest.raises(TemplateLimitError):
        bound("{% set v = " + expression + " %}{{v}}")


def test_what_is_no_list_is_told_in_our_words() -> None:
    with pytest.raises(TemplateRenderError, match="cannot be gone through"):
        bound("{% set v = sum(5) %}{{v}}")
