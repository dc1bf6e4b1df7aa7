"""A template, compiled once."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateCompileError, TemplateRenderError
from schemas.template.limits import DEFAULT_LIMITS
from schemas.template.rendering import Render
from schemas.template.template import Template, template_source


@pytest.mark.parametrize(
    ("sql", "source"), [("% a", (" a", 1)), (" \n%a", ("a", 3)), ("{{a}}", ("{{a}}", 0)), ("a % b", None)]
)
def test_sql_is_a_template_by_its_mark_or_its_tags(sql: str, source: tuple[str, int] | None) -> None:
    assert template_source(sql) == source


def test_the_parameters_of_a_tag_are_those_of_its_variables_too() -> None:
    template = Template("{% set v = x + y %}{{z}}{{v}}")
    assert [template.parameters_of(ordinal) for ordinal in (1, 2, 3)] == [["x", "y"], ["z"], ["x", "y"]]


def test_an_error_names_what_was_read_where_it_went_wrong() -> None:
    with pytest.raises(TemplateRenderError, match=r"It reads the parameters `x` and `y` \(not given\)\."):
        Template("{{z}}{% if x < y %}{% end %}").render({"x": "1", "z": "2"}, Render())


def test_an_error_quotes_no_secret() -> None:
    with pytest.raises(TemplateRenderError, match="it is not shown, because it quotes a secret"):
        Template("{{Int8(x, tb_secret('k'))}}").render({}, Render({"k": "hidden"}))


def test_a_template_has_a_bound() -> None:
    with pytest.raises(TemplateCompileError, match="a template has at most"):
        Template("a" * (DEFAULT_LIMITS.source + 1))
