"""The sandbox: what a template's code cannot do."""

from __future__ import annotations

import pytest
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.utils import missing

from schemas.template.environment import ENVIRONMENT, FUNCTION_NAMES, Names, TemplateContext
from schemas.template.errors import TemplateRenderError
from schemas.template.functions.registry import FUNCTIONS
from schemas.template.rendering import Render
from schemas.template.template import Template


def test_its_names_are_our_functions_and_nothing_of_jinja() -> None:
    names = TemplateContext(Names(FUNCTION_NAMES, p_x=1))
    assert all(callable(names.resolve_or_missing(f"f_{name}")) for name in FUNCTIONS)
    assert names.resolve_or_missing("p_x") == 1
    assert all(names.resolve_or_missing(name) is missing for name in DEFAULT_NAMESPACE)
    assert (ENVIRONMENT.globals, ENVIRONMENT.filters) == ({}, {})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ x['upper'] }}", "there is no element 'upper' in text"),
        ("{{ 5[0] }}", "a whole number has no elements"),
        ("{{ x }}{{ None }}", 'expression "None" evaluated to null'),
        ("{{ f'{column(x)}' }}", "a column or symbol cannot be part of a text"),
    ],
)
def test_a_value_gives_only_what_it_holds(source: str, message: str) -> None:
    with pytest.raises(TemplateRenderError, match=message):
        Template(source).render({"x": "abc"}, Render())
