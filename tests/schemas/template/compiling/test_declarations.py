"""What a call says of its parameter."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateCompileError
from schemas.template.parameters import Parameter
from schemas.template.template import Template


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("Int32(x, -1)", Parameter("x", "Int32", -1)),
        ("Array(x, 'Int8', [1, 2])", Parameter("x", "Array(Int8)", (1, 2))),
        ("Array(x)", Parameter("x", "Array(String)")),
        ("column(x, 'a')", Parameter("x", None, "a", used_in="function_call")),
        ("String(x, default=y)", Parameter("x", "String")),
        (
            "String(x, 'a', description='d', required=False, enum=['a'], example='e', format='f')",
            Parameter("x", "String", "a", "d", False, ("a",), "e", "f"),
        ),
    ],
)
def test_literals_are_what_an_author_says(call: str, said: Parameter) -> None:
    assert Template(f"{{{{{call}}}}}").parameters[0] == said


@pytest.mark.parametrize("call", ["Date(x, '2024-02-30')", "Array(x, 'Date', '2024-01-01,2024-13-01')"])
def test_a_default_that_no_calendar_has_is_an_error(call: str) -> None:
    with pytest.raises(TemplateCompileError, match="is a date or time that does not exist"):
        Template(f"SELECT {{{{{call}}}}}")


@pytest.mark.parametrize(("call", "message"), [("Int8(1.5)", '"1.5" can not be used'), ("Int8('a')", "to type Int8")])
def test_a_literal_in_the_place_of_a_parameter_is_of_the_type_or_refused(call: str, message: str) -> None:
    (refusal,) = Template(f"SELECT {{{{{call}}}}}").refusals
    assert message in refusal.message
