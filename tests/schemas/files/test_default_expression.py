"""Where a DEFAULT ends."""

from __future__ import annotations

import pytest

from schemas.files.default_expression import expression_end, is_path
from schemas.files.lines.block_text import block_text
from schemas.files.lines.datafile import lines_of


def end_of(text: str) -> tuple[str, list[str]]:
    """What is taken for the expression, and what is wrong with it."""
    problems: list[str] = []
    source = block_text(lines_of(text, "x.datasource"))
    end = expression_end(source, 0, lambda _, message: problems.append(message))
    return source.text[:end].strip(), problems


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("1, b Int8", "1"),
        ("f(1, 2), b", "f(1, 2)"),
        ("'a, b' `json:$.a`", "'a, b'"),
        ("1 CODEC(ZSTD)", "1"),
        ("codec + 1, b", "codec + 1"),
        ("a\n  + b, c", "a\n  + b"),
        ("1\n  AND 2, c", "1\n  AND 2"),
        ("1\n  b Int8", "1"),
        ("`a b` + 1, c", "`a b` + 1"),
    ],
)
def test_an_expression_ends_where_something_else_begins(text: str, expression: str) -> None:
    assert end_of(text) == (expression, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("f(1", "the bracket is not closed"),
        ("'a", "the quote is not closed"),
        ("1)", "this bracket closes none that is open"),
    ],
)
def test_brackets_and_quotes_that_do_not_match_are_told(text: str, problem: str) -> None:
    assert end_of(text)[1] == [problem]


def test_a_path_is_a_text_in_backticks_that_says_so() -> None:
    source = block_text(lines_of("` json:$.a` `a`", "x.datasource"))
    assert is_path(source, 0)
    assert not is_path(source, 12)
