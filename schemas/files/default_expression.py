"""How far the expression of a DEFAULT goes in a SCHEMA, where nothing but what comes next ends it."""

from __future__ import annotations

import re
from collections.abc import Callable

from schemas.files.lines.block_text import BlockText

_SPACES = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTES = ("'", '"', "`")
_OPENINGS = (*_QUOTES, "(", "[", "{")
_CONTINUING = frozenset(("CODEC", "AND", "OR", "NOT", "THEN", "ELSE", "END", "WHEN", "IN", "AS", "LIKE", "IS"))
STOP = re.compile(r"[,\n'\"`(\[{)\]}]|[A-Za-z_][A-Za-z0-9_.]*")
"""What an expression is looked through for: separators, quotes, brackets and words."""
OPENING = re.compile(r"[^\S\n]*\(")
"""A bracket that opens on the same line."""


def skip_spaces(text: str, position: int) -> int:
    """Where the white space ends that begins at a position."""
    match = _SPACES.match(text, position)
    return match.end() if match else position


def is_path(source: BlockText, position: int) -> bool:
    """Whether a JSONPath in its backticks stands at a position."""
    return (
        source.text[position] == "`"
        and position in source.closing
        and source.text.startswith("json:", skip_spaces(source.text, position + 1))
    )


def expression_end(source: BlockText, start: int, report: Callable[[int, str], None]) -> int:
    """Where the expression ends that begins at `start`: at the next comma, JSONPath or CODEC outside brackets and
    quotes, or at a line that starts anew. What is wrong with it is reported with its position."""
    position = start
    while (stop := STOP.search(source.text, position)) is not None:
        at, what = stop.start(), stop[0]
        is_end = what == "," or (what == "`" and is_path(source, at))
        if is_end or (what.upper() == "CODEC" and OPENING.match(source.text, stop.end())):
            break
        if what == "\n":
            if _starts_anew(source, start, at):
                break
            position = skip_spaces(source.text, at)
        else:
            position = _past(source, stop, report)
    return len(source.text) if stop is None else stop.start()


def _past(source: BlockText, stop: re.Match[str], report: Callable[[int, str], None]) -> int:
    """Where an expression goes on behind a word, a quote or a pair of brackets."""
    at, what = stop.start(), stop[0]
    if at in source.closing:
        return source.closing[at] + 1
    if what in _OPENINGS:
        report(at, f"the {'quote' if what in _QUOTES else 'bracket'} is not closed")
        return source.end_of_line(at)
    if what in ")]}":
        report(at, "this bracket closes none that is open")
    return stop.end()


def _starts_anew(source: BlockText, start: int, newline: int) -> bool:
    """Whether the line behind `newline` starts a column, so that the expression before it lacks its comma."""
    text, last = source.text, newline
    while last > start and text[last - 1].isspace():
        last -= 1
    if last == start or text[last - 1] in "+-*/%=<>(,|&":
        return False
    following = skip_spaces(text, newline)
    match = _WORD.match(text, following)
    if match is not None:
        return match[0].upper() not in _CONTINUING
    return text[following : following + 1] == "`" and not is_path(source, following)
