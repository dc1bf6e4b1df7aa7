"""Cuts SQL into sqlglot's tokens, as ClickHouse does, and finds the one statement that they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

QUERY_STARTS = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.FROM})
# What begins like a word or is one, and is none: a name in quotes, and literals.
LITERALS = frozenset(
    {
        TokenType.STRING,
        TokenType.HEREDOC_STRING,
        TokenType.NATIONAL_STRING,
        TokenType.RAW_STRING,
        TokenType.HEX_STRING,
        TokenType.BIT_STRING,
        TokenType.NUMBER,
    }
)
NO_WORDS = LITERALS | {TokenType.IDENTIFIER}


class _Dialect(ClickHouse):
    """ClickHouse takes `//` for a comment to the line's end, sqlglot for two divisions."""

    class Tokenizer(ClickHouse.Tokenizer):
        COMMENTS: ClassVar = [*ClickHouse.Tokenizer.COMMENTS, "//"]


_DIALECT = _Dialect()


class SqlTextError(ValueError):
    """The text cannot be cut into tokens, or is not one SELECT; `offset` is where."""

    def __init__(self, message: str, offset: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.offset = offset
        self.hint = hint


class StatementError(SqlTextError):
    """The text is SQL, of a kind that no node may hold."""


def statement_tokens(sql: str) -> list[Token]:
    """The tokens of one SELECT, without the `;` behind it. Raises SqlTextError."""
    return _one_statement(tokens_of(sql))


def tokens_of(sql: str) -> list[Token]:
    """The tokens of a text, without its comments. Raises SqlTextError."""
    try:
        return list(_DIALECT.tokenize(sql))
    except TokenError as error:
        raise SqlTextError(f"the SQL cannot be read: {error}") from None


def _one_statement(tokens: Sequence[Token]) -> list[Token]:
    end = next((index for index, token in enumerate(tokens) if token.token_type is TokenType.SEMICOLON), len(tokens))
    for token in tokens[end:]:
        if token.token_type is not TokenType.SEMICOLON:
            raise SqlTextError("a node holds one statement", token.start, "take away what follows the `;`")
    if end == 0:
        raise SqlTextError("a node's SQL is empty")
    first = tokens[0]
    if first.token_type not in QUERY_STARTS and first.token_type is not TokenType.L_PAREN:
        raise StatementError(f"a node's SQL is a SELECT, not `{first.text}`", first.start)
    return list(tokens[:end])
