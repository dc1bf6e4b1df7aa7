"""Finds the names of tables in a statement, by sqlglot's tokens alone; nothing else of the SQL is understood."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlglot.tokenizer_core import Token, TokenType

from schemas.sql.cursor import TokenCursor
from schemas.sql.named import FormatClause, Setting, SqlNames, TableFunction, TableName
from schemas.sql.tokens import QUERY_STARTS, SqlTextError, StatementError, statement_tokens

_SET_OPERATORS = frozenset({"UNION", "INTERSECT", "EXCEPT"})
_ENDS_OF_FROM_WORDS = """
    WHERE PREWHERE GROUP ORDER HAVING LIMIT OFFSET SETTINGS FORMAT WINDOW QUALIFY INTO SELECT FETCH
"""
_ENDS_OF_FROM = frozenset(_ENDS_OF_FROM_WORDS.split())
# Words that may follow a table where its alias would stand.
_AFTER_TABLE = """
    FINAL SAMPLE JOIN LEFT RIGHT INNER FULL CROSS OUTER ANY ALL ASOF SEMI ANTI GLOBAL LOCAL PASTE ARRAY ON USING NATURAL
"""
_NO_ALIAS = _ENDS_OF_FROM | _SET_OPERATORS | frozenset(_AFTER_TABLE.split())


@dataclass(slots=True)
class _Frame:
    """One level of brackets."""

    is_query: bool
    state: str = "start"
    expects_table: bool = False
    item_starts: bool = False
    # What its closing bracket defines, and what the next bracket in it will.
    defines: str = ""
    defines_next: str = ""
    # Whether its WITH is RECURSIVE, and whether it is the body of an item of one.
    is_recursive: bool = False
    recurs: bool = False
    defined: set[str] = field(default_factory=set)


def names_of(sql: str, *, may_have_format: bool = False) -> SqlNames:
    """The names in one SELECT. Raises SqlTextError.

    The text is gone through once, in a time that grows with its length: some 10 µs a character at most.
    """
    names = _Scanner(sql, statement_tokens(sql)).scan()
    if names.format is not None and not may_have_format:
        raise _output_error("FORMAT", names.format.start)
    return names


def _output_error(clause: str, offset: int) -> StatementError:
    hint = "the format of an answer is the end of its URL: .json, .csv, .ndjson, .parquet"
    return StatementError(f"a node's SQL cannot have a {clause} clause", offset, hint)


class _Scanner(TokenCursor):
    def __init__(self, sql: str, tokens: list[Token]) -> None:
        super().__init__(sql, tokens)
        self._frames = [_Frame(is_query=True)]
        self._tables: list[TableName] = []
        self._functions: list[TableFunction] = []
        self._settings: list[Setting] = []
        self._defined: set[str] = set()
        self._format: FormatClause | None = None
        # How many of the open brackets define a name.
        self._in_scope: Counter[str] = Counter()

    def scan(self) -> SqlNames:
        position = 0
        while position < len(self.tokens):
            position = self._token(position)
        first = self.tokens[0]
        with_end = None
        if first.token_type is TokenType.WITH:
            is_recursive = len(self.tokens) > 1 and self.tokens[1].token_type is TokenType.RECURSIVE
            with_end = self.tokens[1 if is_recursive else 0].end + 1
        return SqlNames(
            tables=tuple(self._tables),
            functions=tuple(self._functions),
            settings=tuple(self._settings),
            defined=frozenset(self._defined),
            start=first.start,
            end=self.tokens[-1].end + 1,
            with_end=with_end,
            starts_with_bracket=first.token_type is TokenType.L_PAREN,
            format=self._format,
        )

    def _token(self, position: int) -> int:
        """Take the token at a position; returns the next position to look at."""
        token, frame, word = self.tokens[position], self._frames[-1], self.word(position)
        kind = token.token_type
        if kind is TokenType.L_PAREN:
            return self._open(position, frame)
        if kind is TokenType.R_PAREN:
            return self._close(position)
        if word == "IN":
            return self._operand(position)
        if not frame.is_query:
            return position + 1
        if frame.expects_table and word not in ("SELECT", "WITH"):
            return self._table(position, frame)
        if frame.state == "with" and frame.item_starts and self.is_name(position):
            frame.item_starts = False
            if self.type(position + 1) is TokenType.ALIAS and self.type(position + 2) is TokenType.L_PAREN:
                return self._common_table(position, frame)
        self._keyword(position, frame, word)
        return position + 1

    def _keyword(self, position: int, frame: _Frame, word: str) -> None:
        if word == "WITH" and frame.state == "start":
            frame.state, frame.item_starts, frame.is_recursive = "with", True, False
        elif word == "RECURSIVE" and frame.state == "with":
            frame.item_starts = frame.is_recursive = True
        elif word == ",":
            frame.item_starts = frame.state == "with"
            frame.expects_table = frame.state == "from"
            self._note_setting(position, frame)
        elif word == "FROM" and not self.is_of_expression(position):
            frame.state, frame.expects_table = "from", True
        elif word == "JOIN":
            is_array = self.word(position - 1) == "ARRAY"
            frame.state, frame.expects_table = ("array", False) if is_array else ("from", True)
        elif word == "USING":
            # Without brackets, what its commas separate are columns.
            frame.state = "from" if self.type(position + 1) is TokenType.L_PAREN else "using"
        elif word in _SET_OPERATORS or (frame.state == "start" and word in ("ALL", "DISTINCT")):
            frame.state = "start" if self.starts_query(position + 1) else frame.state
            if word == "UNION" and frame.recurs:
                # In its first SELECT, the name of a recursive item is still that of a table (tried on 26.9).
                self._define(frame.defines, frame)
        elif word == "OFFSET" and frame.state == "from":
            return  # of SAMPLE, which more tables may follow
        elif word in _ENDS_OF_FROM and frame.state != "with":
            frame.state = "settings" if word == "SETTINGS" else "clause"
            self._note_output(position, word)
            self._note_setting(position, frame)
        elif word == "SELECT":
            frame.state = "clause"
        elif frame.state == "with" and self.type(position - 1) is TokenType.ALIAS and self.is_name(position):
            self._define(self.tokens[position].text, frame)

    def _note_setting(self, position: int, frame: _Frame) -> None:
        token = self.at(position + 1)
        if frame.state == "settings" and token is not None and self.type(position + 2) is TokenType.EQ:
            self._settings.append(Setting(token.text, token.start))

    def _note_output(self, position: int, word: str) -> None:
        if word == "INTO" and self.word(position + 1) == "OUTFILE":
            raise _output_error("INTO OUTFILE", self.tokens[position].start)
        if word == "FORMAT" and self._is_format_clause(position):
            name = self.tokens[position + 1]
            self._format = FormatClause(name.text, self.tokens[position].start, name.end + 1)

    def _is_format_clause(self, position: int) -> bool:
        """`… FORMAT JSON` at the very end, and no column of that name (`ORDER BY format DESC`)."""
        return (
            len(self._frames) == 1
            and self.ends_value(position - 1)
            and self.is_name(position + 1)
            and self.word(position + 1) not in ("ASC", "DESC")
            and (self.at(position + 2) is None or self.word(position + 2) == "SETTINGS")
        )

    def _define(self, name: str, frame: _Frame) -> None:
        self._in_scope[name] += name not in frame.defined
        frame.defined.add(name)
        self._defined.add(name)

    def _open(self, position: int, frame: _Frame) -> int:
        following = self.type(position + 1)
        is_query = following in QUERY_STARTS
        opened = _Frame(is_query=is_query or (frame.is_query and frame.expects_table and following is not None))
        if opened.is_query and not is_query and following is not TokenType.L_PAREN:
            opened.state, opened.expects_table = "from", True
        opened.defines, frame.defines_next = frame.defines_next, ""
        opened.is_query = opened.is_query or bool(opened.defines)
        opened.recurs = frame.is_recursive and bool(opened.defines)
        frame.expects_table = False
        self._frames.append(opened)
        return position + 1

    def _close(self, position: int) -> int:
        if len(self._frames) == 1:
            raise SqlTextError("a `)` closes nothing", self.tokens[position].start)
        closed = self._frames.pop()
        self._in_scope.subtract(closed.defined)
        if closed.defines:
            self._define(closed.defines, self._frames[-1])
        return position + 1

    def _common_table(self, position: int, frame: _Frame) -> int:
        """`name AS (`: the name counts once its own body is over."""
        frame.defines_next = self.tokens[position].text
        return position + 2

    def _table(self, position: int, frame: _Frame) -> int:
        frame.expects_table = False
        if not self.is_name(position):
            return position + 1
        parts, after = self.parts(position)
        first, last = self.tokens[position], self.tokens[after - 1]
        if self.type(after) is TokenType.L_PAREN:
            self._functions.append(TableFunction(".".join(parts), first.start))
            return after
        has_alias = self.type(after) is TokenType.ALIAS or (self.is_name(after) and self.word(after) not in _NO_ALIAS)
        self._add(TableName(parts, first.start, last.end + 1, has_alias))
        return after

    def _operand(self, position: int) -> int:
        """`IN name` and `IN (name)`."""
        start = position + 1
        is_bracketed = self.type(start) is TokenType.L_PAREN
        start += is_bracketed
        if not self.is_name(start) or self.type(start) in QUERY_STARTS:
            return position + 1
        parts, after = self.parts(start)
        if self.type(after) is TokenType.L_PAREN or (is_bracketed and self.type(after) is not TokenType.R_PAREN):
            return position + 1
        self._add(TableName(parts, self.tokens[start].start, self.tokens[after - 1].end + 1, is_operand=True))
        return start if is_bracketed is False else position + 1

    def _add(self, table: TableName) -> None:
        if len(table.parts) > 1 or not self._in_scope[table.parts[0]]:
            self._tables.append(table)
