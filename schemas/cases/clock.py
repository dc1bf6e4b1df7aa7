"""SQL at another moment: what asks the clock becomes that moment, token by token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlglot.tokenizer_core import Token, TokenType

from schemas.sql.text import call, literal
from schemas.sql.tokens import NO_WORDS, tokens_of

_NOW = frozenset({"now", "current_timestamp", "localtimestamp"})
_TODAY = frozenset({"today", "current_date", "curdate"})
_UTC = frozenset({"utctimestamp", "utc_timestamp"})
_REPLACED = _NOW | _TODAY | _UTC | {"now64", "yesterday"}
# The moment of each block: nothing that stands for all of them.
_LEFT = frozenset({"nowinblock", "nowinblock64"})
# ClickHouse takes these without brackets, too.
_WITHOUT_BRACKETS = frozenset({"current_timestamp", "current_date", "localtimestamp"})
_MAY_ASK = re.compile(rf"\b(?:{'|'.join(sorted(_REPLACED | _LEFT))})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AtMoment:
    """SQL that asks no clock. `asked` are the calls that were replaced, `left` those that could not be."""

    sql: str
    asked: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Call:
    """A call at `start:end` of the text, with its arguments as they are written."""

    function: str
    start: int
    end: int
    arguments: tuple[str, ...]


def at_moment(sql: str, moment: datetime) -> AtMoment:
    """`moment` has a zone; sessions are in UTC. Raises SqlTextError."""
    if _MAY_ASK.search(sql) is None:
        return AtMoment(sql)
    pieces, asked, left, position = [], [], [], 0
    for each in _calls(sql):
        written = sql[each.start : each.end]
        instead = _instead(each, moment.astimezone(UTC))
        if instead is None:
            left.append(written)
            continue
        asked.append(written)
        pieces += [sql[position : each.start], instead]
        position = each.end
    return AtMoment("".join([*pieces, sql[position:]]), tuple(asked), tuple(left))


def _calls(sql: str) -> list[_Call]:
    tokens = tokens_of(sql)
    found: list[_Call] = []
    for index, token in enumerate(tokens):
        name = token.text.lower()
        if token.token_type in NO_WORDS or name not in _REPLACED | _LEFT or (found and token.start < found[-1].end):
            continue
        before = tokens[index - 1].token_type if index else None
        if before in (TokenType.DOT, TokenType.ALIAS):  # a column of a table, or the name of one
            continue
        is_call = index + 1 < len(tokens) and tokens[index + 1].token_type is TokenType.L_PAREN
        if is_call:
            arguments, last = _arguments(sql, tokens, index + 1)
            found.append(_Call(name, token.start, last + 1, arguments))
        elif name in _WITHOUT_BRACKETS:
            found.append(_Call(name, token.start, token.end + 1, ()))
    return found


def _arguments(sql: str, tokens: Sequence[Token], opening: int) -> tuple[tuple[str, ...], int]:
    """The arguments behind an opening bracket, and the place of the one that closes it."""
    depth, start, found = 0, tokens[opening].end + 1, []
    for token in tokens[opening:]:
        depth += token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET)
        depth -= token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET)
        if depth == 0 or (depth == 1 and token.token_type is TokenType.COMMA):
            found.append(sql[start : token.start].strip())
            start = token.end + 1
        if depth == 0:
            return tuple(filter(None, found)), token.start
    return tuple(filter(None, found)), len(sql) - 1


def _instead(each: _Call, moment: datetime) -> str | None:
    """SQL of the same value and type as the call has at that moment; None where there is none."""
    arguments = each.arguments
    if each.function in _TODAY | {"yesterday"}:
        day = moment - timedelta(days=each.function == "yesterday")
        return None if arguments else call("toDate", literal(f"{day:%Y-%m-%d}"))
    second = literal(f"{moment:%Y-%m-%d %H:%M:%S}")
    if each.function in _UTC:
        return None if arguments else call("toDateTime", second, literal("UTC"))
    if each.function in _NOW and len(arguments) <= 1:
        value = call("toDateTime", second)
        return call("toTimeZone", value, *arguments) if arguments else value
    if each.function == "now64" and len(arguments) <= 2:
        value = call("toDateTime64", literal(f"{moment:%Y-%m-%d %H:%M:%S.%f}"), *(arguments[:1] or ("3",)))
        return call("toTimeZone", value, arguments[1]) if len(arguments) == 2 else value
    return None
