"""The names in an expression of ClickHouse's SQL: a key, a TTL, a default."""

from __future__ import annotations

from itertools import pairwise

from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

_DIALECT = Dialect.get_or_raise("clickhouse")

_UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
_OPERATORS = ("and", "or", "not", "in", "is", "as", "like", "between", "case", "when", "then", "else", "end", "cast")
_NOT_COLUMNS = frozenset((*_UNITS, *_OPERATORS, "interval", "asc", "desc", "null", "true", "false", "inf", "nan"))

# What follows the expression of a TTL: DELETE WHERE …, TO VOLUME …, GROUP BY … SET …, RECOMPRESS CODEC(…).
_TTL_ACTIONS = frozenset(("delete", "to", "where", "group", "set", "recompress"))


def names_in(expression: str) -> tuple[str, ...]:
    """The column names in an expression: identifiers that are no function, no part behind a dot, no unit of time, no
    argument of a lambda; of a TTL those before its action."""
    tokens = expression_tokens(expression)
    arguments = {before.text for before, token in pairwise(tokens) if token.text == "->"}
    found: dict[str, None] = {}
    for position, token in enumerate(tokens):
        if token.text.lower() in _TTL_ACTIONS and position > 0:
            break
        following = tokens[position + 1].token_type if position + 1 < len(tokens) else None
        before = tokens[position - 1].token_type if position else None
        is_quoted = token.token_type is TokenType.IDENTIFIER
        is_literal = token.token_type in (TokenType.STRING, TokenType.NUMBER)
        if is_literal or not (is_quoted or token.text.isidentifier()) or token.text in arguments:
            continue
        if following in (TokenType.L_PAREN, TokenType.DOT) or before in (TokenType.DOT, TokenType.DCOLON):
            continue
        if is_quoted or token.text.lower() not in _NOT_COLUMNS:
            found[token.text] = None
    return tuple(found)


def expression_tokens(expression: str) -> list[Token]:
    """The tokens of an expression; none of one that is not closed, which others say."""
    try:
        return _DIALECT.tokenize(expression)
    except TokenError:
        return []
