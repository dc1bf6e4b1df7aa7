"""What a template says of its parameters, without being rendered."""

from __future__ import annotations

import pytest

from schemas.template.parameters import Parameter, merge
from schemas.template.template import Template

USES = [
    ("{{Int32(a, 5, description='d', required=True)}}", [Parameter("a", "Int32", 5, "d", True)]),
    ("{{Int8(a, default=-1)}}", [Parameter("a", "Int8", -1)]),
    ("{{Array(a, 'Int32', '1,2')}}", [Parameter("a", "Array(Int32)", "1,2")]),
    ("{{Array(a, default=[1, 2])}}", [Parameter("a", "Array(String)", (1, 2))]),
    (
        "{{String(a, enum=['x', 'y'], example='x', format='f')}}",
        [Parameter("a", "String", enum=("x", "y"), example="x", format="f")],
    ),
    ("{% if defined(a) %}{% end %}", [Parameter("a", used_in="function_call")]),
    ("{{column(a, 'd')}}", [Parameter("a", default="d", used_in="function_call")]),
    ("{{a}}", [Parameter("a")]),
    ("{{Boolean(a, 1)}}{{JSON(b)}}", [Parameter("a", "Boolean", 1), Parameter("b", "JSON")]),
    (
        "{% if defined(a) and a == 'x' %}{{String(a)}}{% end %}",
        [Parameter("a", used_in="function_call"), Parameter("a", "String")],
    ),
    ("{{Int32(a)}}{{Int32(a, 7)}}{{Int32(a)}}", [Parameter("a", "Int32"), Parameter("a", "Int32", 7)]),
    ("{% set v = 1 %}{% for i in [1] %}{{v}}{{i}}{{String(v)}}{% end %}", []),
    ("{{f'{a}'}}{% while a %}{% break %}{% end %}", [Parameter("a")]),
    ("-- {{String(a)}}", [Parameter("a", "String")]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), USES, ids=[source for source, _ in USES])
def test_every_use_is_noted_in_the_order_of_the_text(source: str, expected: list[Parameter]) -> None:
    assert list(Template(source).parameters) == expected


def test_merged_uses_name_each_parameter_once() -> None:
    template = Template("{% if defined(a) %}{{Int32(a)}}{{Int32(a, 7, description='d')}}{{b}}{% end %}{{Int8(b)}}")
    assert merge(list(template.parameters)) == (Parameter("a", "Int32", 7, "d"), Parameter("b", "Int8"))


def test_a_parameter_that_only_defined_names_stays_marked() -> None:
    assert merge(list(Template("{% if defined(a) %}{% end %}").parameters)) == (
        Parameter("a", used_in="function_call"),
    )
