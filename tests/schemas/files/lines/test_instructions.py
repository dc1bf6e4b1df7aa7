"""Instructions at the start of a line, with a value or a block."""

from __future__ import annotations

import pytest

from schemas.files.lines.datafile import Datafile, lines_of
from schemas.files.lines.instructions import Grammar, dedent, read_instructions

GRAMMAR = Grammar("test", frozenset({"NAME", "BLOCK", "DESCRIPTION"}), prefixes=("X_",))


def read(text: str) -> tuple[list[tuple[str, str]], list[str]]:
    source = Datafile("x.test", lines_of(text, "x.test"))
    found = [(each.name, each.text) for each in read_instructions(source, GRAMMAR)]
    return found, [problem.message for problem in source.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NAME a # b", "a"),
        ("name 'a # b'", "a # b"),
        ("NAME\ta#b", "a#b"),
        ("DESCRIPTION a # b", "a # b"),
        ("BLOCK >\n    a\n      b\n\nNAME c", "a\n  b"),
        ("BLOCK> a", "a"),
        ("X_ANYTHING a", "a"),
    ],
)
def test_a_value_stands_on_the_line_or_below_it(text: str, value: str) -> None:
    found, problems = read(text)
    assert (found[0][1], problems) == (value, [])


def test_an_unknown_word_is_a_problem_and_the_rest_is_read() -> None:
    assert read("NAEM a\nNAME b") == ([("NAME", "b")], ["NAEM is not a valid option in test files."])


def test_a_quote_that_is_not_closed_is_told() -> None:
    assert read('NAME "a') == ([("NAME", "a")], ["the quote of NAME is not closed"])


def test_a_block_knows_where_its_text_begins() -> None:
    text, place = dedent(lines_of("\n\n    a\n      b\n", "x.test"))
    assert (text, str(place)) == ("a\n  b", "x.test:3:5")
