"""Finds the table that a statement reads first, on every branch of its UNIONs: whose inserts a view of it would see.

Tried on ClickHouse 26.9: a view hangs on what its first FROM leads to, through sub-queries and common table
expressions, whatever is joined to it, and whatever is read before it in WITH or after IN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot.tokenizer_core import Token, TokenType

from schemas.sql.cursor import TokenCursor
from schemas.sql.tokens import QUERY_STARTS, statement_tokens

_ENDS_OF_TABLE_WORDS = """
    JOIN LEFT RIGHT INNER FULL CROSS ANY ALL ASOF SEMI ANTI GLOBAL LOCAL PASTE ARRAY ON USING
    WHERE PREWHERE GROUP ORDER HAVING LIMIT OFFSET SETTINGS WINDOW QUALIFY SELECT FETCH , ; )
"""
_ENDS_OF_TABLE = frozenset(_ENDS_OF_TABLE_WORDS.split())
_OF_TABLE = ("FINAL", "SAMPLE")


@dataclass(frozen=True, slots=True)
class LeftmostTable:
    """What one branch reads first; `name` is empty when it reads nothing.

    `clause` is FINAL, SAMPLE or PREWHERE when the branch has it. `is_in_union` when other branches stand beside it, on
    any level; `is_in_set` when that is an INTERSECT or EXCEPT.
    """

    name: str
    is_function: bool = False
    clause: str = ""
    is_in_union: bool = False
    is_in_set: bool = False


@dataclass(frozen=True, slots=True)
class Leftmost:
    """What the branches of a statement read first. `is_union`: its branches stand side by side on the highest level."""

    tables: tuple[LeftmostTable, ...]
    is_union: bool


def leftmost_of(sql: str) -> Leftmost:
    """What a SELECT reads first. Raises SqlTextError."""
    reader = _Reader(sql, statement_tokens(sql))
    whole = _Span(0, len(reader.tokens))
    tables = tuple(reader.branches(whole, {}, _Around()))
    return Leftmost(tables, len(reader.split(whole)) > 1)


@dataclass(frozen=True, slots=True)
class _Span:
    """Tokens from `start` up to, without, `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Around:
    """What a branch stands in."""

    is_in_union: bool = False
    is_in_set: bool = False


@dataclass(frozen=True, slots=True)
class _Common:
    """The body of a common table expression, and the names that mean something in it."""

    body: _Span
    scope: Mapping[str, _Common]


class _Reader(TokenCursor):
    def __init__(self, sql: str, tokens: list[Token]) -> None:
        super().__init__(sql, tokens)
        self._closing = self._matched()

    def branches(self, span: _Span, scope: Mapping[str, _Common], around: _Around) -> Iterator[LeftmostTable]:
        parts = self.split(span)
        is_set = any(self.word(part.start - 1) in ("INTERSECT", "EXCEPT") for part in parts[1:])
        inside = _Around(around.is_in_union or len(parts) > 1, around.is_in_set or is_set)
        named = self._named(span, scope)
        for part in parts:
            if self.type(part.start) is TokenType.L_PAREN:
                yield from self.branches(_Span(part.start + 1, self._closing[part.start]), named, inside)
            else:
                yield from self._branch(part, named, inside)

    def split(self, span: _Span) -> list[_Span]:
        """The branches of a query, without what stands between them."""
        found, start = [], span.start
        for position in self._level(span):
            if self._is_between_branches(position):
                found.append(_Span(start, position))
                start = position + 1
                while self.word(start) in ("ALL", "DISTINCT"):
                    start += 1
        return [*found, _Span(start, span.end)]

    def _branch(self, span: _Span, scope: Mapping[str, _Common], around: _Around) -> Iterator[LeftmostTable]:
        level = list(self._level(span))
        froms = (each for each in level if self.word(each) == "FROM" and not self.is_of_expression(each))
        start = next(froms, None)
        if start is None:
            yield LeftmostTable("", is_in_union=around.is_in_union, is_in_set=around.is_in_set)
            return
        clause = next((self.word(each) for each in level if self.word(each) == "PREWHERE"), "")
        for position in (each for each in level if each > start + 1):
            if self.word(position) in _OF_TABLE:
                clause = self.word(position)
            if self.word(position) in _ENDS_OF_TABLE:
                break
        for table in self._table(start + 1, scope, around):
            # What is asked of a sub-query is no matter of the table in it.
            is_own = self.type(start + 1) is not TokenType.L_PAREN or clause == "PREWHERE"
            own = clause if is_own and not table.clause else table.clause
            yield LeftmostTable(table.name, table.is_function, own, table.is_in_union, table.is_in_set)

    def _table(self, position: int, scope: Mapping[str, _Common], around: _Around) -> Iterator[LeftmostTable]:
        """What is read first of what stands behind FROM."""
        if self.type(position) is TokenType.L_PAREN:
            if self.type(position + 1) in QUERY_STARTS or self.type(position + 1) is TokenType.L_PAREN:
                yield from self.branches(_Span(position + 1, self._closing[position]), scope, around)
            else:
                yield from self._table(position + 1, scope, around)  # of `(a JOIN b)`
            return
        if not self.is_name(position):
            yield LeftmostTable("", is_in_union=around.is_in_union, is_in_set=around.is_in_set)
            return
        parts, after = self.parts(position)
        name = ".".join(parts)
        is_function = self.type(after) is TokenType.L_PAREN or self.word(position) == "VALUES"
        if len(parts) == 1 and name in scope and not is_function:
            yield from self.branches(scope[name].body, scope[name].scope, around)
        else:
            yield LeftmostTable(name, is_function, "", around.is_in_union, around.is_in_set)

    def _named(self, span: _Span, scope: Mapping[str, _Common]) -> Mapping[str, _Common]:
        """The names of a query's common table expressions beside those around it."""
        named = dict(scope)
        for position in self._level(span):
            is_bracket = self.type(position) is TokenType.L_PAREN and self.type(position - 1) is TokenType.ALIAS
            if is_bracket and self.is_name(position - 2) and position - 2 >= span.start:
                body = _Span(position + 1, self._closing[position])
                named[self.tokens[position - 2].text] = _Common(body, dict(named))
        return named

    def _level(self, span: _Span) -> Iterator[int]:
        """The positions that are in no bracket of the span; of each bracket the first."""
        position = span.start
        while position < span.end:
            yield position
            position = self._closing.get(position, position) + 1

    def _is_between_branches(self, position: int) -> bool:
        word, following = self.word(position), position + 1
        if word == "UNION":
            return True
        if word not in ("INTERSECT", "EXCEPT"):
            return False
        is_bracket = self.type(following) is TokenType.L_PAREN
        return self.starts_query(following + is_bracket)

    def _matched(self) -> dict[int, int]:
        """Where each bracket is closed."""
        matched: dict[int, int] = {}
        opened: list[int] = []
        for position in range(len(self.tokens)):
            if self.type(position) is TokenType.L_PAREN:
                opened.append(position)
            elif self.type(position) is TokenType.R_PAREN and opened:
                matched[opened.pop()] = position
        return matched | {position: len(self.tokens) for position in opened}
