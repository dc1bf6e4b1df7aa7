"""Which order of rows a statement asks for: by what its outermost ORDER BY says, and nothing that is inside of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot.tokenizer_core import Token, TokenType

from schemas.sql.tokens import NO_WORDS, tokens_of

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_ENDS = frozenset(["LIMIT", "OFFSET", "SETTINGS", "FORMAT", "FETCH", "INTO", "INTERPOLATE"])
_SET_OPERATORS = frozenset({"UNION", "INTERSECT"})
_DIRECTIONS = frozenset({"ASC", "ASCENDING", "DESC", "DESCENDING", "NULLS", "FIRST", "LAST"})


@dataclass(frozen=True, slots=True)
class RowOrder:
    """An order that is asked for. Rows that are equal in `columns` (names, or positions from 1) may still come in any;
    None where it cannot be seen which rows those are."""

    columns: tuple[str | int, ...] | None


def row_order(sql: str) -> RowOrder | None:
    """The order of a statement's rows, None where it asks for none. Raises SqlTextError."""
    tokens = list(_outermost(tokens_of(sql)))
    words = [_word(token) for token in tokens]
    # Behind a set operator an ORDER BY is of the last SELECT alone; `* EXCEPT` is none.
    if any(word in _SET_OPERATORS for word in words) or _has_except(words):
        return None
    starts = [index for index, word in enumerate(words) if word == "ORDER BY"]
    if not starts:
        return None
    start = starts[-1] + 1
    end = next((index for index in range(start, len(words)) if words[index] in _ENDS), len(words))
    columns = []
    for item in _items(tokens[start:end]):
        column = _column(item)
        if column is None:
            return RowOrder(None)
        columns.append(column)
    return RowOrder(tuple(columns))


def _outermost(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens outside of all brackets; what stands in some is there as its opening one."""
    depth = 0
    for token in tokens:
        depth -= token.token_type in _CLOSING
        if depth == 0 and token.token_type not in _CLOSING:
            yield token
        depth += token.token_type in _OPENING


def _word(token: Token) -> str:
    return "" if token.token_type in NO_WORDS else " ".join(token.text.upper().split())


def _has_except(words: Sequence[str]) -> bool:
    after = (words[index + 1] for index, word in enumerate(words[:-1]) if word == "EXCEPT")
    return any(word in ("SELECT", "WITH", "ALL", "DISTINCT") for word in after)


def _items(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    item: list[Token] = []
    for token in tokens:
        if token.token_type is TokenType.COMMA:
            yield item
            item = []
        else:
            item.append(token)
    yield item


def _column(item: Sequence[Token]) -> str | int | None:
    """The column that an item is, None for an expression and for all that is more than a direction behind it."""
    if not item or not all(_word(token) in _DIRECTIONS for token in item[1:]):
        return None
    first = item[0]
    if first.token_type is TokenType.NUMBER:
        return int(first.text) if first.text.isdigit() else None
    if first.token_type is TokenType.IDENTIFIER:
        return first.text
    return first.text if first.text.isidentifier() and _word(first) != "ALL" else None
