"""A block's lines as one text to read: comments blanked out, quotes and brackets matched, positions as places."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.files.lines.datafile import Line
from schemas.model import Place, Problem

_MARK = re.compile(r"--|/\*|#|['\"`()\[\]{}]")
_QUOTE_END = {quote: re.compile(rf"[{quote}\\\n]") for quote in "'\"`"}
# Bounds the search for the end of each `/*`, of which a text may have many that none closes.
_LONGEST_COMMENT = 2_000
_PARTNER = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class BlockText:
    """A text, made in one pass over it.

    `text` has comments blanked out, so that positions stay; `closing` maps the position of every quote and bracket
    that is closed to that of its partner. A quote is closed on its own line, or not at all.
    """

    text: str
    closing: dict[int, int]
    starts: tuple[int, ...]
    lines: tuple[Line, ...]

    def place(self, position: int) -> Place:
        line, column = self._line(position)
        return line.place(column)

    def line_number(self, position: int) -> int:
        return bisect_right(self.starts, position)

    def problem(self, position: int, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        line, column = self._line(position)
        return line.problem(message, hint, column=column, warning=warning)

    def end_of_line(self, position: int) -> int:
        end = self.text.find("\n", position)
        return len(self.text) if end < 0 else end

    def _line(self, position: int) -> tuple[Line, int]:
        number = bisect_right(self.starts, position) - 1
        return self.lines[number], position - self.starts[number] + 1


def block_text(block: Sequence[Line]) -> BlockText:
    """The text of a block with at least one line."""
    starts, length = [], 0
    for line in block:
        starts.append(length)
        length += len(line.text) + 1
    text = "\n".join(line.text for line in block)
    kept, closing = _scan(text)
    return BlockText(kept, closing, tuple(starts), tuple(block))


def _scan(text: str) -> tuple[str, dict[int, int]]:
    pieces: list[str] = []
    closing: dict[int, int] = {}
    open_brackets: list[int] = []
    taken = position = 0
    while (mark := _MARK.search(text, position)) is not None:
        start, what = mark.start(), mark[0]
        position = mark.end()
        if what in _QUOTE_END:
            end = _end_of_quote(text, position, what)
            if text[end : end + 1] == what:
                closing[start] = end
            position = end + 1
        elif what in "([{":
            open_brackets.append(start)
        elif what in _PARTNER:
            if open_brackets and text[open_brackets[-1]] == _PARTNER[what]:
                closing[open_brackets.pop()] = start
        elif (end := _end_of_comment(text, start, what)) > start:
            pieces += (text[taken:start], re.sub(r"[^\n]", " ", text[start:end]))
            taken = position = end
    pieces.append(text[taken:])
    return "".join(pieces), closing


def _end_of_quote(text: str, position: int, quote: str) -> int:
    """Where the closing quote stands, or the end of the line without one."""
    while (found := _QUOTE_END[quote].search(text, position)) is not None:
        if found[0] == "\\" and quote != "`":
            position = found.end() + 1
        elif found[0] == "\\":
            position = found.end()
        else:
            return found.start()
    return len(text)


def _end_of_comment(text: str, start: int, what: str) -> int:
    """Where a comment ends; `start` when it is none: a `#` within a word, a `/*` that is never closed."""
    if what == "#" and start > 0 and not (text[start - 1].isspace() or text[start - 1] == ","):
        return start
    if what == "/*":
        end = text.find("*/", start + 2, start + _LONGEST_COMMENT)
        return start if end < 0 else end + 2
    end = text.find("\n", start)
    return len(text) if end < 0 else end
