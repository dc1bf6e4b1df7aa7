"""Which functions may be called, and how."""

from __future__ import annotations

import pytest
from jinja2.exceptions import TemplateSyntaxError

from schemas.template.compiling.calls import function_named
from schemas.template.errors import TemplateCompileError
from schemas.template.template import Template


@pytest.mark.parametrize(("name", "in_output"), [("String", True), ("len", True), ("sorted", False)])
def test_a_function_is_found_where_it_may_stand(name: str, in_output: bool) -> None:
    assert function_named(name, 1, in_output=in_output).name == name


@pytest.mark.parametrize(("name", "in_output"), [("sorted", True), ("open", False), ("attempt", False)])
def test_any_other_name_is_refused_with_its_tag(name: str, in_output: bool) -> None:
    with pytest.raises(TemplateSyntaxError, match=f"Invalid function name: {name}") as caught:
        function_named(name, 7, in_output=in_output)
    assert caught.value.lineno == 7


@pytest.mark.parametrize(
    "call", ["columns(x, 'a', fn='max')", "columns(x, 'a', 'max')", "sql_and(a=x)", "String(x, description='d')"]
)
def test_arguments_that_a_function_takes_pass(call: str) -> None:
    assert Template(f"SELECT {{{{{call}}}}}").refusals == ()


@pytest.mark.parametrize(
    "call", ["columns(x, 'a', x)", "String(x, parameter_name='y')", "defined(x, _y=1)", "symbol()"]
)
def test_any_others_are_refused(call: str) -> None:
    (refusal,) = Template(f"SELECT {{{{{call}}}}}").refusals
    assert isinstance(refusal, TemplateCompileError)
    assert "() takes " in refusal.message
