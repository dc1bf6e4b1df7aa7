"""Where in a node's file a refusal of ClickHouse is about: its position, or the words that it names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from sqlglot.tokenizer_core import TokenType

from schemas.model import Place
from schemas.queries.trials.origins import RenderedNode
from schemas.sql.tokens import SqlTextError, tokens_of
from service.analysis.answers import EXPLAIN_AST
from service.analysis.words import Reason


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    is_text: bool = False  # in quotes


def place_of(reason: Reason, text: RenderedNode) -> Place:
    """The place in the file. A `position` is one in `EXPLAIN AST` and the text."""
    if reason.position:
        before = text.text.encode("utf-8", "surrogatepass")[: max(reason.position - 1 - len(EXPLAIN_AST), 0)]
        return text.place(min(len(before.decode("utf-8", "ignore")), len(text.text.rstrip())))
    offset = offset_of(reason.names, text.text)
    return text.place(_first_word(text.text) if offset is None else offset)


def offset_of(names: tuple[str, ...], text: str) -> int | None:
    """Where the first of the names stands, on the line that has most of them; None where none is there."""
    found: dict[int, dict[str, int]] = {}
    words = _words(text)
    for name in names:
        for offset in _occurrences(name, text, words):
            line = text.count("\n", 0, offset)
            found.setdefault(line, {}).setdefault(name, offset)
    if not found:
        return None
    # The first name is what the error is about, if it is there at all.
    lines = [line for line, there in found.items() if names[0] in there] or list(found)
    best = max(lines, key=lambda line: (len(found[line]), -line))
    return next(found[best][name] for name in names if name in found[best])


def output_of(name: str, text: str) -> int | None:
    """Where a SELECT gives a column this name: in front of a comma or of FROM; else where the name stands at all."""
    words = _words(text)
    end = _Word("FROM", len(text))
    for word, following in pairwise([*words, end]):
        if word.text == name and following.text.upper() in (",", "FROM"):
            return word.start
    return offset_of((name,), text)


def _first_word(text: str) -> int:
    return len(text) - len(text.lstrip())


def _words(text: str) -> list[_Word]:
    """The words of the SQL outside its comments, with their offsets."""
    try:
        return [_Word(token.text, token.start, token.token_type is TokenType.STRING) for token in tokens_of(text)]
    except SqlTextError:
        return [_Word(match[0], match.start()) for match in re.finditer(r"\w+|[^\w\s]", text)]


def _occurrences(name: str, text: str, words: list[_Word]) -> list[int]:
    """A name first, sooner than the same as a text in quotes, sooner than one in other letters."""
    exact = [word for word in words if word.text == name]
    names = [word.start for word in exact if not word.is_text]
    if exact:
        return names or [word.start for word in exact]
    folded = [word.start for word in words if word.text.casefold() == name.casefold() and not word.is_text]
    if folded:
        return folded
    if "." in name or not re.fullmatch(r"\w+", name):
        # Several words: `a.b`, an expression as ClickHouse writes it.
        return [match.start() for match in re.finditer(rf"(?<!\w){re.escape(name)}", text)][:20]
    return []
