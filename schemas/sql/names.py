"""Finds the names of tables in a statement, by sqlglot's tokens alone; nothing else of the SQL is understood."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlglot.tokenizer_core import Token, TokenType

from schemas.sql.tokens import LITERALS, NO_WORDS, QUERY_STARTS, SqlTextError, StatementError, statement_tokens

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

_ENDS_OF_VALUES = LITERALS | {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
# Words after which a value comes, so that `format` is the name of a column there.
_BEFORE_VALUES_WORDS = """
    BY GROUP ORDER PARTITION SELECT AND OR NOT ON WHERE PREWHERE HAVING QUALIFY DISTINCT AS IN LIKE ILIKE BETWEEN
    WHEN THEN ELSE CASE DIV MOD LIMIT OFFSET USING FROM JOIN WITH
"""
_BEFORE_VALUES = frozenset(_BEFORE_VALUES_WORDS.split())


@dataclass(frozen=True, slots=True)
class TableName:
    """A table, or what may be one after IN (`is_operand`), at `start:end` of the text."""

    parts: tuple[str, ...]
    start: int
    end: int
    has_alias: bool = False
    is_operand: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class TableFunction:
    """A table function after FROM or JOIN, at `start` of the text."""

    name: str
    start: int


@dataclass(frozen=True, slots=True)
class Setting:
    """One name of a SETTINGS clause."""

    name: str
    start: int


@dataclass(frozen=True, slots=True)
class FormatClause:
    """`FORMAT name`, at `start:end` of the text."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SqlNames:
    """What a statement names. `defined` are the names that it defines itself with WITH, at any depth.

    `end` is where the statement ends without its `;`. `with_end` is where the first item of its leading WITH
    starts, None when it does not begin with one; `starts_with_bracket` whether it begins with `(`.
    """

    tables: tuple[TableName, ...]
    functions: tuple[TableFunction, ...]
    settings: tuple[Setting, ...]
    defined: frozenset[str]
    start: int
    end: int
    with_end: int | None
    starts_with_bracket: bool
    format: FormatClause | None


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


class _Scanner:
    def __init__(self, sql: str, tokens: list[Token]) -> None:
        self._sql = sql
        self._tokens = tokens
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
        while position < len(self._tokens):
            position = self._token(position)
        first = self._tokens[0]
        with_end = None
        if first.token_type is TokenType.WITH:
            is_recursive = len(self._tokens) > 1 and self._tokens[1].token_type is TokenType.RECURSIVE
            with_end = self._tokens[1 if is_recursive else 0].end + 1
        return SqlNames(
            tables=tuple(self._tables),
            functions=tuple(self._functions),
            settings=tuple(self._settings),
            defined=frozenset(self._defined),
            start=first.start,
            end=self._tokens[-1].end + 1,
            with_end=with_end,
            starts_with_bracket=first.token_type is TokenType.L_PAREN,
            format=self._format,
        )

    def _at(self, position: int) -> Token | None:
        return self._tokens[position] if 0 <= position < len(self._tokens) else None

    def _type(self, position: int) -> TokenType | None:
        token = self._at(position)
        return token.token_type if token else None

    def _word(self, position: int) -> str:
        """The keyword at a position; sqlglot makes one token of GROUP BY and its kin, whatever space is between."""
        token = self._at(position)
        is_word = token is not None and token.token_type not in NO_WORDS and token.text.strip()
        return token.text.upper().split()[0] if token and is_word else ""

    def _is_name(self, position: int) -> bool:
        token = self._at(position)
        if token is None or token.token_type is TokenType.STRING:
            return False
        text = self._sql[token.start : token.end + 1]
        return token.token_type is TokenType.IDENTIFIER or text.isidentifier()

    def _token(self, position: int) -> int:
        """Take the token at a position; returns the next position to look at."""
        token, frame, word = self._tokens[position], self._frames[-1], self._word(position)
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
        if frame.state == "with" and frame.item_starts and self._is_name(position):
            frame.item_starts = False
            if self._type(position + 1) is TokenType.ALIAS and self._type(position + 2) is TokenType.L_PAREN:
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
        elif word == "FROM" and not self._is_of_expression(position):
            frame.state, frame.expects_table = "from", True
        elif word == "JOIN":
            is_array = self._word(position - 1) == "ARRAY"
            frame.state, frame.expects_table = ("array", False) if is_array else ("from", True)
        elif word == "USING":
            # Without brackets, what its commas separate are columns.
            frame.state = "from" if self._type(position + 1) is TokenType.L_PAREN else "using"
        elif word in _SET_OPERATORS or (frame.state == "start" and word in ("ALL", "DISTINCT")):
            frame.state = "start" if self._starts_query(position + 1) else frame.state
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
        elif frame.state == "with" and self._type(position - 1) is TokenType.ALIAS and self._is_name(position):
            self._define(self._tokens[position].text, frame)

    def _starts_query(self, position: int) -> bool:
        if self._word(position) in ("ALL", "DISTINCT"):
            position += 1
        return self._type(position) in (TokenType.SELECT, TokenType.WITH, TokenType.FROM)

    def _is_of_expression(self, position: int) -> bool:
        """The FROM of `IS DISTINCT FROM` and of `WITH FILL FROM`."""
        before = self._at(position - 1)
        if before is not None and before.text.upper().endswith("FILL"):
            return True
        return self._word(position - 1) == "DISTINCT" and self._word(position - 2) in ("IS", "NOT")

    def _note_setting(self, position: int, frame: _Frame) -> None:
        token = self._at(position + 1)
        if frame.state == "settings" and token is not None and self._type(position + 2) is TokenType.EQ:
            self._settings.append(Setting(token.text, token.start))

    def _note_output(self, position: int, word: str) -> None:
        if word == "INTO" and self._word(position + 1) == "OUTFILE":
            raise _output_error("INTO OUTFILE", self._tokens[position].start)
        if word == "FORMAT" and self._is_format_clause(position):
            name = self._tokens[position + 1]
            self._format = FormatClause(name.text, self._tokens[position].start, name.end + 1)

    def _is_format_clause(self, position: int) -> bool:
        """`… FORMAT JSON` at the very end, and no column of that name (`ORDER BY format DESC`)."""
        return (
            len(self._frames) == 1
            and self._ends_value(position - 1)
            and self._is_name(position + 1)
            and self._word(position + 1) not in ("ASC", "DESC")
            and (self._at(position + 2) is None or self._word(position + 2) == "SETTINGS")
        )

    def _ends_value(self, position: int) -> bool:
        """Whether what stands here may be the end of a value, of a table or of a clause."""
        token = self._at(position)
        if token is None:
            return False
        if token.token_type is TokenType.STAR:
            return not self._ends_value(position - 1)  # else it multiplies
        if token.token_type in _ENDS_OF_VALUES:
            return True
        is_given_name = self._word(position - 1) == "AS" or self._type(position - 1) is TokenType.DOT
        return self._is_name(position) and (is_given_name or self._word(position) not in _BEFORE_VALUES)

    def _define(self, name: str, frame: _Frame) -> None:
        self._in_scope[name] += name not in frame.defined
        frame.defined.add(name)
        self._defined.add(name)

    def _open(self, position: int, frame: _Frame) -> int:
        following = self._type(position + 1)
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
            raise SqlTextError("a `)` closes nothing", self._tokens[position].start)
        closed = self._frames.pop()
        self._in_scope.subtract(closed.defined)
        if closed.defines:
            self._define(closed.defines, self._frames[-1])
        return position + 1

    def _common_table(self, position: int, frame: _Frame) -> int:
        """`name AS (`: the name counts once its own body is over."""
        frame.defines_next = self._tokens[position].text
        return position + 2

    def _table(self, position: int, frame: _Frame) -> int:
        frame.expects_table = False
        if not self._is_name(position):
            return position + 1
        parts, after = self._parts(position)
        first, last = self._tokens[position], self._tokens[after - 1]
        if self._type(after) is TokenType.L_PAREN:
            self._functions.append(TableFunction(".".join(parts), first.start))
            return after
        has_alias = self._type(after) is TokenType.ALIAS or (
            self._is_name(after) and self._word(after) not in _NO_ALIAS
        )
        self._add(TableName(parts, first.start, last.end + 1, has_alias))
        return after

    def _operand(self, position: int) -> int:
        """`IN name` and `IN (name)`."""
        start = position + 1
        is_bracketed = self._type(start) is TokenType.L_PAREN
        start += is_bracketed
        if not self._is_name(start) or self._type(start) in QUERY_STARTS:
            return position + 1
        parts, after = self._parts(start)
        if self._type(after) is TokenType.L_PAREN or (is_bracketed and self._type(after) is not TokenType.R_PAREN):
            return position + 1
        self._add(TableName(parts, self._tokens[start].start, self._tokens[after - 1].end + 1, is_operand=True))
        return start if is_bracketed is False else position + 1

    def _parts(self, position: int) -> tuple[tuple[str, ...], int]:
        parts = [self._tokens[position].text]
        position += 1
        while self._type(position) is TokenType.DOT and self._is_name(position + 1):
            parts.append(self._tokens[position + 1].text)
            position += 2
        return tuple(parts), position

    def _add(self, table: TableName) -> None:
        if len(table.parts) > 1 or not self._in_scope[table.parts[0]]:
            self._tables.append(table)
