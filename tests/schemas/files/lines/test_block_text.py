"""A block as one text: comments, quotes and brackets."""

from __future__ import annotations

import pytest

from schemas.files.lines.block_text import BlockText, block_text
from schemas.files.lines.datafile import lines_of


def read(text: str) -> BlockText:
    return block_text(lines_of(text, "x.datasource"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a -- b\nc", "a     \nc"),
        ("a # b", "a    "),
        ("a#b", "a#b"),
        ("a /* b\nc */ d", "a     \n     d"),
        ("a /* b", "a /* b"),
        ("'-- a' b", "'-- a' b"),
    ],
)
def test_comments_are_blanked_out_and_nothing_moves(text: str, kept: str) -> None:
    assert read(text).text == kept


def test_partners_of_quotes_and_brackets_are_known() -> None:
    assert read("f('a)', [b])").closing == {1: 11, 2: 5, 8: 10}
    assert read("(]'a\nb'").closing == {}


def test_a_position_is_a_place() -> None:
    source = read("ab\ncd")
    assert (str(source.place(4)), source.line_number(4)) == ("x.datasource:2:2", 2)
