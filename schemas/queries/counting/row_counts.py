"""Finds what a statement's LIMIT, OFFSET and FETCH come to: below zero, ClickHouse counts from the end (26.x), and a
caller who asks for page -1 would get other rows instead of an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot.tokenizer_core import Token, TokenType

from schemas.queries.counting.reckoning import (
    NEGATE,
    OPERATORS,
    Expression,
    bound_value,
    constant,
    function_of,
    reckoned,
)
from schemas.sql.tokens import tokens_of

# Whether the tokens of a text are worth a look.
_MAY_COUNT = re.compile(r"\b(?:limit|offset|fetch)\b", re.IGNORECASE)
_NUMERIC = re.compile(r"U?Int\d+|Float\d+")
# Words after which `limit` and `offset` are names of columns.
_BEFORE_NAMES_WORDS = """
    SELECT DISTINCT WHERE PREWHERE HAVING QUALIFY AND OR NOT BY ON WHEN THEN ELSE CASE IN LIKE ILIKE BETWEEN AS
    USING WITH IS FROM JOIN INTERVAL DIV MOD SETTINGS
"""
_BEFORE_NAMES = frozenset(_BEFORE_NAMES_WORDS.split())
_VALUE_ENDS = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.NUMBER, TokenType.STRING})
_ENDS_WORDS = "OFFSET SETTINGS FORMAT UNION INTERSECT EXCEPT FETCH WITH LIMIT BY ROW ROWS INTO QUALIFY"
_ENDS = frozenset(_ENDS_WORDS.split())
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_MAX_DEPTH = 20
# Parts of the expressions of one statement: names that are made of names could otherwise double without end.
_MAX_PARTS = 1_000


@dataclass(frozen=True, slots=True)
class RowCount:
    """One number of rows: after which `keyword`, what it comes to, and the placeholders that are in it."""

    keyword: str
    expression: Expression | None
    placeholders: frozenset[str]

    def is_negative(self, bound: Mapping[str, str]) -> bool:
        """Whether it comes to less than zero; of what is not known here, whether a value below zero is in it."""
        value = self.expression(bound) if self.expression else None
        if value is not None:
            return value < 0
        return any("-" in bound[name] for name in self.placeholders)


def row_counts_of(sql: str) -> tuple[RowCount, ...]:
    """Every count of rows with a placeholder in it. The text must have been read by `names_of`."""
    if "{" not in sql or not _MAY_COUNT.search(sql):
        return ()
    return tuple(each for each in _Reader(tokens_of(sql)).read() if each.placeholders)


class _UnknownError(Exception):
    """An expression that is not reckoned here."""


class _Reader:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0
        self._parts = 0
        # Where each name is defined first.
        self._aliases: dict[str, int] = {}
        for position in range(1, len(tokens) - 1):
            if self._word(position) == "AS":
                self._aliases.setdefault(tokens[position + 1].text, position)
        self._found: list[RowCount] = []

    def read(self) -> list[RowCount]:
        is_setting = False
        for position in range(len(self._tokens)):
            word = self._word(position)
            if word in ("SETTINGS", "SELECT", ")"):
                is_setting = word == "SETTINGS"
            elif word in ("LIMIT", "OFFSET") and is_setting and self._word(position + 1) == "=":
                self._count(word, position + 2)
            elif (word in ("LIMIT", "OFFSET") and self._follows_value(position)) or (
                word in ("FIRST", "NEXT") and self._word(position - 1) == "FETCH"
            ):
                self._count(word if word in ("LIMIT", "OFFSET") else "FETCH", position + 1)
        return self._found

    def _word(self, position: int) -> str:
        return self._tokens[position].text.upper() if 0 <= position < len(self._tokens) else ""

    def _follows_value(self, position: int) -> bool:
        if position == 0:
            return False
        before = self._tokens[position - 1]
        words = before.text.upper().split()
        is_name = bool(words) and words[-1].isidentifier() and words[-1] not in _BEFORE_NAMES
        return before.token_type in _VALUE_ENDS or before.token_type is TokenType.STAR or is_name

    def _count(self, keyword: str, start: int) -> None:
        """Note the count that starts there, and the one after its comma (`LIMIT 10, 5`)."""
        end = self._end(start)
        try:
            expression: Expression | None = self._whole(start, end)
        except _UnknownError:
            expression = None
        self._found.append(RowCount(keyword, expression, self._placeholders(start, end)))
        if keyword == "LIMIT" and self._word(end) == ",":
            self._count("LIMIT", end + 1)

    def _end(self, start: int) -> int:
        """Where the expression ends that starts there."""
        depth, position = 0, start
        while position < len(self._tokens):
            text = self._word(position)
            depth += (text in _OPENING) - (text in _CLOSING)
            is_word_after = text in _ENDS and position > start
            if depth < 0 or (depth == 0 and (is_word_after or text in (",", ";"))):
                break
            position += 1
        return position

    def _placeholders(self, start: int, end: int) -> frozenset[str]:
        """Those of numbers between two positions, and those of the names that are defined before (`… AS name`)."""
        found: set[str] = set()
        seen: set[int] = set()
        pending = [(start, end)]
        while pending:
            first, last = pending.pop()
            seen.add(last)
            for position in range(first, last):
                defined = self._definition(position)
                if self._is_placeholder(position):
                    member = position + (5 if self._word(position + 3) == "ARRAY" else 3)
                    if _NUMERIC.fullmatch(self._tokens[member].text):
                        found.add(self._tokens[position + 1].text)
                elif defined is not None and defined[1] < first and defined[1] not in seen:
                    pending.append(defined)
        return frozenset(found)

    def _is_placeholder(self, position: int) -> bool:
        return self._word(position) == "{" and self._word(position + 2) == ":"

    def _definition(self, position: int) -> tuple[int, int] | None:
        """Where the expression of a name stands before its `AS`."""
        alias = self._aliases.get(self._tokens[position].text)
        if alias is None or self._word(position + 1) == "(":
            return None
        return self._start(alias), alias

    def _start(self, end: int) -> int:
        depth, position = 0, end - 1
        while position >= 0:
            text = self._word(position)
            depth += (text in _CLOSING) - (text in _OPENING)
            if depth < 0 or (depth == 0 and text in (",", "SELECT", "WITH", "DISTINCT")):
                break
            position -= 1
        return position + 1

    def _whole(self, start: int, end: int) -> Expression:
        before, self._position = self._position, start
        try:
            expression = self._sum()
            if self._position != end:
                raise _UnknownError
            return expression
        finally:
            self._position = before

    def _taken(self, *texts: str) -> str:
        """The next token, if it is one of these, and beyond it."""
        word = self._word(self._position)
        if word not in texts:
            return ""
        self._position += 1
        return word

    def _sum(self) -> Expression:
        left = self._product()
        while symbol := self._taken("+", "-"):
            left = reckoned(OPERATORS[symbol], left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._factor()
        while symbol := self._taken("*", "/", "%", "DIV"):
            left = reckoned(OPERATORS[symbol], left, self._factor())
        return left

    def _factor(self) -> Expression:
        self._depth += 1
        self._parts += 1
        try:
            if self._depth > _MAX_DEPTH or self._parts > _MAX_PARTS:
                raise _UnknownError
            if self._taken("-"):
                return reckoned(NEGATE, self._factor())
            return self._factor() if self._taken("+") else self._primary()
        finally:
            self._depth -= 1

    def _primary(self) -> Expression:
        start = self._position
        if self._taken("("):
            inner = self._sum()
            if not self._taken(")"):
                raise _UnknownError
            return inner
        if self._is_placeholder(start):
            self._position = start + 5
            is_number = self._word(start + 4) == "}" and _NUMERIC.fullmatch(self._tokens[start + 3].text)
            if not is_number:
                raise _UnknownError
            return bound_value(self._tokens[start + 1].text)
        if start < len(self._tokens) and self._tokens[start].token_type is TokenType.NUMBER:
            self._position += 1
            return constant(self._tokens[start].text)
        return self._named(start)

    def _named(self, start: int) -> Expression:
        if start >= len(self._tokens):
            raise _UnknownError
        function = function_of(self._tokens[start].text)
        if function is not None and self._word(start + 1) == "(":
            self._position = start + 2
            arguments = [self._sum()]
            while self._taken(","):
                arguments.append(self._sum())
            if not self._taken(")"):
                raise _UnknownError
            return reckoned(function, *arguments)
        defined = self._definition(start)
        if defined is None or defined[1] >= start:
            raise _UnknownError
        self._position = start + 1
        return self._whole(*defined)
