"""Lines that are declared once."""

from __future__ import annotations

import pytest

from schemas.files.lines.datafile import Line
from schemas.files.lines.declared import DeclaredLine, as_text_or_none, by_name, one_of
from schemas.files.lines.instructions import Instruction
from schemas.model import Problem


def instruction(value: str) -> Instruction:
    return Instruction("MODE", value, Line("x.pipe", 1, f"MODE {value}"))


def test_a_line_is_known_under_all_its_names() -> None:
    line = DeclaredLine("NEW", "field", older=("OLD", "OLDER"))
    assert by_name([line]) == {"NEW": line, "OLD": line, "OLDER": line}


def test_what_nothing_acts_on_is_kept_with_its_warning() -> None:
    problems: list[Problem] = []
    assert DeclaredLine("MODE", "mode", warning="MODE is kept", hint="do not").value(instruction("a"), problems) == "a"
    assert [(each.severity, each.message, each.hint) for each in problems] == [("warning", "MODE is kept", "do not")]


@pytest.mark.parametrize(("value", "read"), [("Append", "append"), ("", None), ("${MODE}", None)])
def test_one_of_some_words_is_read_in_any_case(value: str, read: str | None) -> None:
    problems: list[Problem] = []
    assert one_of("append", "replace")(instruction(value), problems) == read
    assert problems == []


def test_another_word_is_an_error_with_those_that_there_are() -> None:
    problems: list[Problem] = []
    assert one_of("append", "replace")(instruction("both"), problems) is None
    assert [(each.severity, each.message, each.hint) for each in problems] == [
        ("error", "`both` is no MODE", "write append or replace")
    ]


def test_an_empty_text_may_be_none() -> None:
    assert (as_text_or_none(instruction(""), []), as_text_or_none(instruction("a"), [])) == (None, "a")
