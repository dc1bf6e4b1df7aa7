"""TOKEN lines, and lists."""

from __future__ import annotations

import pytest

from schemas.files.lines.datafile import Line
from schemas.files.lines.instructions import Instruction
from schemas.files.tokens import read_list, read_token
from schemas.model import Problem


def instruction(value: str) -> Instruction:
    return Instruction("TOKEN", value, Line("x.pipe", 1, f"TOKEN {value}"))


@pytest.mark.parametrize(("value", "name"), [("web READ", "web"), ('"dash board" read', "dash board")])
def test_a_token_has_a_name_and_a_permission(value: str, name: str) -> None:
    problems: list[Problem] = []
    token = read_token(instruction(value), ("READ",), problems)
    assert token is not None
    assert (token.name, token.permission, problems) == (name, "READ", [])


@pytest.mark.parametrize(
    ("value", "severity"), [("web", "error"), ("web APPEND", "error"), ("web CREATE", "warning"), ("", "error")]
)
def test_a_token_that_grants_nothing_is_told(value: str, severity: str) -> None:
    problems: list[Problem] = []
    assert read_token(instruction(value), ("READ",), problems) is None
    assert [problem.severity for problem in problems] == [severity]


def test_a_list_has_commas_or_lines_between_its_words() -> None:
    assert read_list(instruction("a, 'b c',\n\"d\"\n,"), []) == ("a", "b c", "d")
