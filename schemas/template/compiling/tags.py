"""Splits a template's text into SQL and tags, and pairs the blocks, by Tornado's rules (the language's origin)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from schemas.template.errors import TemplateCompileError

Kind = Literal["text", "expression", "open", "middle", "close", "statement"]

# What Tinybird refuses of Tornado's tags.
FORBIDDEN = frozenset({"import", "from", "include", "extends", "module", "raw", "apply", "block", "autoescape"})
OPENING = frozenset({"if", "for", "while", "try"})
MIDDLE = {"elif": {"if"}, "else": {"if", "for", "while", "try"}, "except": {"try"}, "finally": {"try"}}
_TAG_NAMES = {"{{": "expression", "{%": "block", "{#": "comment"}
LOOPS = frozenset({"for", "while"})
# CPython refuses 20 loops or 100 indentations within each other, and Jinja2 writes several a block.
MAX_DEPTH = 16
# So that a text full of unclosed quotes is still split in linear time.
MAX_TAG = 16_384
_QUOTES = ("'", '"')
_DEPTHS = {"{": 1, "}": -1}
# What counts in a tag: whole strings, quotes that open one without an end, brackets, ends of tags.
_OF_TAGS = re.compile(r"""'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+"|['"{}%]""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the template: SQL `text`, or a tag with its `keyword` and what follows it in `text`.

    `offset` is where it starts in the template. `block` is the keyword of the block that a middle or closing
    tag belongs to.
    """

    kind: Kind
    text: str
    offset: int
    keyword: str = ""
    block: str = ""


def place_of(source: str, offset: int) -> tuple[int, int]:
    """The line and column of an offset, both from 1."""
    start = source.rfind("\n", 0, offset) + 1
    return source.count("\n", 0, offset) + 1, offset - start + 1


# A template is split for itself, and again by Jinja2's lexer right after.
@lru_cache(maxsize=1)
def split(source: str) -> tuple[Segment, ...]:
    """The segments of a template, blocks checked. Raises TemplateCompileError."""
    return tuple(_Splitter(source).split())


class _Splitter:
    def __init__(self, source: str) -> None:
        self._source = source
        self._segments: list[Segment] = []
        self._blocks: list[Segment] = []

    def split(self) -> list[Segment]:
        source, position, written = self._source, 0, 0
        while (start := _next_tag(source, position)) >= 0:
            if start > written:
                self._add("text", source[written:start], written)
            if source[start + 2 : start + 3] == "!":
                self._add("text", source[start : start + 2], start)
                position = written = start + 3
                continue
            position = written = self._tag(start)
        if written < len(source):
            self._add("text", source[written:], written)
        if self._blocks:
            block = self._blocks[-1]
            line, _ = place_of(source, block.offset)
            self._fail(f"Missing {{% end %}} block for {block.keyword} at line {line}", block.offset)
        return self._segments

    def _add(self, kind: Kind, text: str, offset: int, keyword: str = "", block: str = "") -> Segment:
        segment = Segment(kind, text, offset, keyword, block)
        self._segments.append(segment)
        return segment

    def _tag(self, start: int) -> int:
        """Take the tag at `start`; returns where the text after it begins."""
        opening = self._source[start : start + 2]
        closing = {"{{": "}}", "{%": "%}", "{#": "#}"}[opening]
        end = self._source.find(closing, start + 2) if opening == "{#" else _end_of(self._source, start + 2, closing)
        if end < 0:
            self._fail_at(f"Missing end {_TAG_NAMES[opening]} {closing}", start)
        inner = self._source[start + 2 : end].strip()
        if opening == "{{":
            if not inner:
                self._fail_at("Empty expression", start)
            self._add("expression", inner, start)
        elif opening == "{%":
            if not inner:
                self._fail_at("Empty block tag ({% %})", start)
            self._block_tag(inner, start)
        return end + 2

    def _block_tag(self, inner: str, offset: int) -> None:
        keyword, rest = _keyword_of(inner)
        if keyword in FORBIDDEN:
            self._fail_at(f"{keyword} is forbidden", offset)
        elif keyword == "comment":
            return
        elif keyword == "end":
            self._close(offset)
        elif keyword in MIDDLE:
            self._middle(keyword, rest, offset)
        elif keyword in OPENING:
            if len(self._blocks) >= MAX_DEPTH:
                self._fail_at(f"blocks stand more than {MAX_DEPTH} deep within each other", offset)
            self._blocks.append(self._add("open", rest, offset, keyword))
        elif keyword in ("break", "continue"):
            self._loop_control(keyword, offset)
        elif keyword == "set":
            if not rest:
                self._fail_at("set missing statement", offset)
            self._add("statement", rest, offset, keyword)
        else:
            self._fail_at(f"unknown operator: {keyword!r}", offset)

    def _close(self, offset: int) -> None:
        if not self._blocks:
            self._fail_at("Extra {% end %} block", offset)
        block = self._blocks.pop()
        self._add("close", "", offset, "end", block.keyword)

    def _middle(self, keyword: str, rest: str, offset: int) -> None:
        block = self._blocks[-1].keyword if self._blocks else ""
        if not block:
            self._fail_at(f"{keyword} outside {_set_of(MIDDLE[keyword])} block", offset)
        if block not in MIDDLE[keyword]:
            self._fail_at(f"{keyword} block cannot be attached to {block} block", offset)
        if keyword == "else" and rest:
            self._fail_at("else takes no condition: write {% elif … %}", offset)
        if keyword == "finally" or (keyword == "else" and block != "if"):
            self._fail_at(f"{keyword} of a {block} block is not supported", offset)
        self._add("middle", rest, offset, keyword, block)

    def _loop_control(self, keyword: str, offset: int) -> None:
        enclosing = [block.keyword for block in self._blocks if block.keyword in LOOPS or block.keyword == "try"]
        if not enclosing:
            self._fail_at(f"{keyword} outside {_set_of(LOOPS)} block", offset)
        if enclosing[-1] == "try":
            self._fail_at(f"{keyword} within a try block cannot leave the loop around it", offset)
        self._add("statement", "", offset, keyword)

    def _fail_at(self, message: str, offset: int) -> None:
        line, _ = place_of(self._source, offset)
        self._fail(f"{message} at <string>:{line}", offset)

    def _fail(self, message: str, offset: int) -> None:
        line, column = place_of(self._source, offset)
        raise TemplateCompileError(message, line=line, column=column)


def _set_of(keywords: Iterable[str]) -> str:
    """Keywords as Tornado's errors show them: a set as Python writes one."""
    return "{" + ", ".join(repr(keyword) for keyword in sorted(keywords)) + "}"


def _keyword_of(inner: str) -> tuple[str, str]:
    """The first word of a block tag and the rest; a bracket ends the word too (`{% if(x) %}`)."""
    end = 0
    while end < len(inner) and (inner[end].isalnum() or inner[end] == "_"):
        end += 1
    return inner[:end] or inner.split()[0], inner[end:].strip() if end else ""


def _next_tag(source: str, position: int) -> int:
    """Where the next tag opens, the innermost of several braces in a row; -1 when there is none."""
    while (position := source.find("{", position)) >= 0:
        following = source[position + 1 : position + 2]
        if following and following in "{%#":
            is_run = following == "{" and source[position + 2 : position + 3] == "{"
            if not is_run:
                return position
        position += 1
    return -1


def _end_of(source: str, position: int, closing: str) -> int:
    """Where `closing` stands outside strings and brackets; else its first occurrence; -1 when there is none."""
    depth = 0
    for found in _OF_TAGS.finditer(source, position, position + MAX_TAG):
        character = found[0]
        if character in _QUOTES:
            break  # nothing closes the string
        if depth == 0 and source.startswith(closing, found.start()):
            return found.start()
        depth += _DEPTHS.get(character, 0)
    return source.find(closing, position)
