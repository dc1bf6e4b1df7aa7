"""Secrets and texts."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateRenderError
from schemas.template.rendering import Render
from schemas.template.template import Template


def bound(source: str, **values: object) -> list[str]:
    """The SQL, and what is bound in it."""
    state = Render({"key": "hidden"})
    return [Template(source).render(values, state), *state.bindings.parameters.values()]


def test_a_secret_is_bound() -> None:
    assert bound("{{tb_secret('key')}}{{tb_var('key')}}{{tb_secret('other', 'd')}}") == [
        "{p1:String}{p1:String}{p2:String}",
        "hidden",
        "d",
    ]


def test_a_secret_that_is_not_there_is_told_by_its_name() -> None:
    with pytest.raises(TemplateRenderError, match="Cannot access secret 'other'"):
        bound("{{tb_secret('other')}}")


def test_a_bound_value_has_no_escapes_to_undo() -> None:
    assert bound("{{sql_unescape(x, '%')}}", x="a%") == ["{p1:String}", "a%"]
