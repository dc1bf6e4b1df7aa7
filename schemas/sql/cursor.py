"""A statement's tokens by their positions: what stands there, and what it may be by its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot.tokenizer_core import Token, TokenType

from schemas.sql.tokens import LITERALS, NO_WORDS, QUERY_STARTS

_ENDS_OF_VALUES = LITERALS | {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
# Words after which a value comes, so that `format` is the name of a column there.
_BEFORE_VALUES_WORDS = """
    BY GROUP ORDER PARTITION SELECT AND OR NOT ON WHERE PREWHERE HAVING QUALIFY DISTINCT AS IN LIKE ILIKE BETWEEN
    WHEN THEN ELSE CASE DIV MOD LIMIT OFFSET USING FROM JOIN WITH
"""
_BEFORE_VALUES = frozenset(_BEFORE_VALUES_WORDS.split())


class TokenCursor:
    """The tokens of a statement. Nothing stands before the first and behind the last."""

    def __init__(self, sql: str, tokens: Sequence[Token]) -> None:
        self._sql = sql
        self.tokens = tokens

    def at(self, position: int) -> Token | None:
        return self.tokens[position] if 0 <= position < len(self.tokens) else None

    def type(self, position: int) -> TokenType | None:
        token = self.at(position)
        return token.token_type if token else None

    def word(self, position: int) -> str:
        """The keyword at a position; sqlglot makes one token of GROUP BY and its kin, whatever space is between."""
        token = self.at(position)
        is_word = token is not None and token.token_type not in NO_WORDS and token.text.strip()
        return token.text.upper().split()[0] if token and is_word else ""

    def is_name(self, position: int) -> bool:
        token = self.at(position)
        if token is None or token.token_type is TokenType.STRING:
            return False
        text = self._sql[token.start : token.end + 1]
        return token.token_type is TokenType.IDENTIFIER or text.isidentifier()

    def starts_query(self, position: int) -> bool:
        if self.word(position) in ("ALL", "DISTINCT"):
            position += 1
        return self.type(position) in QUERY_STARTS

    def is_of_expression(self, position: int) -> bool:
        """The FROM of `IS DISTINCT FROM` and of `WITH FILL FROM`."""
        before = self.at(position - 1)
        if before is not None and before.text.upper().endswith("FILL"):
            return True
        return self.word(position - 1) == "DISTINCT" and self.word(position - 2) in ("IS", "NOT")

    def ends_value(self, position: int) -> bool:
        """Whether what stands here may be the end of a value, of a table or of a clause."""
        token = self.at(position)
        if token is None:
            return False
        if token.token_type is TokenType.STAR:
            return not self.ends_value(position - 1)  # else it multiplies
        if token.token_type in _ENDS_OF_VALUES:
            return True
        is_given_name = self.word(position - 1) == "AS" or self.type(position - 1) is TokenType.DOT
        return self.is_name(position) and (is_given_name or self.word(position) not in _BEFORE_VALUES)

    def parts(self, position: int) -> tuple[tuple[str, ...], int]:
        parts = [self.tokens[position].text]
        position += 1
        while self.type(position) is TokenType.DOT and self.is_name(position + 1):
            parts.append(self.tokens[position + 1].text)
            position += 2
        return tuple(parts), position
