"""A SELECT as a view can have it: cut where it names tables, and with the settings that its author relies on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sqlglot.tokenizer_core import TokenType

from schemas.sql.cursor import TokenCursor
from schemas.sql.names import names_of
from schemas.sql.relied_on import RELIED_ON
from schemas.sql.tokens import statement_tokens
from schemas.tables.views.view import TableUse

# They read a table by its name in a string, which is looked up in the database of whoever inserts (tried on 26.9).
_READS_BY_TEXT = ("joinGet", "joinGetOrNull")


def cut(sql: str, table_of: Callable[[str], str | None]) -> tuple[str | TableUse, ...]:
    """The text, cut where it names a table; `table_of` gives the table for a name, None when it is none. Raises
    SqlTextError."""
    pieces: list[str | TableUse] = []
    position = 0
    for start, end, use in sorted((*_named(sql, table_of), *_named_by_text(sql, table_of)), key=lambda each: each[0]):
        pieces += [sql[position:start], use]
        position = end
    return tuple(piece for piece in (*pieces, sql[position:]) if piece)


def with_settings(sql: str, settings: Mapping[str, str], *, is_union: bool) -> str:
    """The SELECT with what its author relies on, and `settings` of its template. Raises SqlTextError.

    Of branches side by side a view carries out the first alone, without a word (tried on 26.9), unless they stand in
    brackets.
    """
    names = names_of(sql)
    text = sql[names.start : names.end]
    if is_union:
        text = f"SELECT * FROM (\n{text}\n)"
    has_clause, own = _own_settings(text)
    wanted = {name: value for name, value in {**RELIED_ON, **settings}.items() if name not in own}
    said = ", ".join(f"{name} = {value}" for name, value in wanted.items())
    return f"{text}, {said}" if has_clause else f"{text}\nSETTINGS {said}"


def _named(sql: str, table_of: Callable[[str], str | None]) -> Iterator[tuple[int, int, TableUse]]:
    for named in names_of(sql).tables:
        table = table_of(named.name)
        if table is not None:
            alias = "" if named.has_alias or named.is_operand else named.name
            yield named.start, named.end, TableUse(table, alias)


def _named_by_text(sql: str, table_of: Callable[[str], str | None]) -> Iterator[tuple[int, int, TableUse]]:
    tokens = statement_tokens(sql)
    for function, bracket, text in zip(tokens, tokens[1:], tokens[2:], strict=False):
        is_read = function.text in _READS_BY_TEXT and bracket.token_type is TokenType.L_PAREN
        if is_read and text.token_type is TokenType.STRING and (table := table_of(text.text)) is not None:
            yield text.start, text.end + 1, TableUse(table, is_text=True)


def _own_settings(sql: str) -> tuple[bool, frozenset[str]]:
    """Whether the statement ends with SETTINGS, and which these are."""
    cursor = TokenCursor(sql, statement_tokens(sql))
    depth, names, has_clause = 0, set[str](), False
    for position, token in enumerate(cursor.tokens):
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if depth == 0 and cursor.word(position) == "SETTINGS" and cursor.type(position + 2) is TokenType.EQ:
            has_clause = True
        if depth == 0 and has_clause and cursor.type(position + 1) is TokenType.EQ:
            names.add(token.text)
    return has_clause, frozenset(names)
