"""What a tag may hold, by Python's own grammar."""

from __future__ import annotations

import pytest
from jinja2.exceptions import TemplateSyntaxError

from schemas.template.compiling.allowed import check_output, is_python, target_of
from schemas.template.compiling.tags import split


@pytest.mark.parametrize("text", ["x", "String(x, 'a')", "a if b else -c", "[1, {'a': f'{x}'}]", "x y"])
def test_an_expression_of_the_list_and_what_is_no_python_pass(text: str) -> None:
    check_output(text, 1)


@pytest.mark.parametrize(("text", "what"), [("a == b", "Compare"), ("a / b", "BinOp: Div()"), ("lambda: 1", "Lambda")])
def test_any_other_expression_is_refused_with_its_tag(text: str, what: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=f"Invalid {what.split('(')[0]}") as caught:
        check_output(text, 3)
    assert caught.value.lineno == 3


@pytest.mark.parametrize(
    ("tag", "is_one"),
    [
        ("{{ a.b }}", True),
        ("{{ a b }}", False),
        ("{% set a = [i for i in x] %}", True),
        ("{% set a %}", False),
        ("{% break %}", False),
    ],
)
def test_a_tag_is_python_or_not(tag: str, is_one: bool) -> None:
    (segment,) = [each for each in split("{% for i in x %}" + tag + "{% end %}") if each.text != "i in x"][:1]
    assert is_python(segment) is is_one


def test_what_a_tag_gives_a_value_to_is_known_without_a_parser() -> None:
    source = "{% set a, b = 1 %}{% set c += d.e %}{% for i in x.y %}{% end %}{{ z }}"
    assert [target_of(segment) for segment in split(source)] == ["a, b", "c", "i", "", ""]
