"""Tags as Jinja2's tokens."""

from __future__ import annotations

import pytest
from jinja2.exceptions import TemplateSyntaxError

from schemas.template.compiling.grammar import REFUSED_TAGS
from schemas.template.environment import ENVIRONMENT


def tokens(source: str) -> list[tuple[int, str]]:
    stream = ENVIRONMENT.lexer.tokenize(source)
    return [(token.lineno, str(token.value)) for token in stream if token.value]


def test_the_line_of_a_token_is_the_number_of_its_tag() -> None:
    assert tokens("a{{ b }}\n{% if c %}{% end %}") == [
        (1, "a"),
        (2, "b"),
        (3, "\n"),
        (4, "if"),
        (4, "("),
        (4, "c"),
        (4, ")"),
        (5, "endif"),
    ]


def test_a_while_is_a_loop_that_its_condition_ends() -> None:
    words = [word for _, word in tokens("{% while c %}{% end %}")]
    assert words == ["for", "turn!", "in", "forever!", "(", ")", "if", "not", "(", "c", ")", "break", "endif", "endfor"]


def test_an_augmented_assignment_is_written_out() -> None:
    words = [word for _, word in tokens("{% set a -= b + c %}")]
    assert words == ["set", "a", "=", "a", "-", "(", "b", "+", "c", ")"]


def test_a_refused_tag_is_what_ends_the_render() -> None:
    token = REFUSED_TAGS.set({1: "no"})
    try:
        assert [word for _, word in tokens("{{ a.b }}")] == ["refused!", "(", "no", ")"]
    finally:
        REFUSED_TAGS.reset(token)


@pytest.mark.parametrize("source", ["{{ x | y }}", "{% set %}{{ [" + "[" * 50 + " }}", "{% for x %}{% end %}"])
def test_what_is_no_template_is_refused(source: str) -> None:
    with pytest.raises((TemplateSyntaxError, Exception), match=r"unexpected|missing statement|Invalid|for block"):
        tokens(source)
