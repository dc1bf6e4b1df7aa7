"""Names and texts survive being quoted, whatever they hold."""

from __future__ import annotations

import pytest
from sqlglot.tokenizer_core import TokenType

from schemas.sql.text import call, identifier, identifier_if_needed, literal, qualified
from schemas.sql.tokens import tokens_of

ODD = ["plain", "a`b\\c", "it's", "\\", "\\'", "`", "a b", "ñ漢😀", ""]


@pytest.mark.parametrize(
    ("name", "written"), [("a", "`a`"), ("a`b\\c", "`a\\`b\\\\c`"), ("a.b", "`a.b`"), ("it's", "`it's`")]
)
def test_a_name_stands_in_backticks(name: str, written: str) -> None:
    assert identifier(name) == written


@pytest.mark.parametrize(
    ("name", "written"), [("plain_1", "plain_1"), ("a-b", "`a-b`"), ("a.b", "`a.b`"), ("ä", "`ä`"), ("1a", "`1a`")]
)
def test_a_plain_word_needs_no_backticks(name: str, written: str) -> None:
    assert identifier_if_needed(name) == written


@pytest.mark.parametrize(("text", "written"), [("a", "'a'"), ("it's", "'it\\'s'"), ("\\", "'\\\\'"), ("`", "'`'")])
def test_a_text_stands_in_quotes(text: str, written: str) -> None:
    assert literal(text) == written


@pytest.mark.parametrize("text", ODD)
def test_a_literal_is_one_token_with_the_text_in_it(text: str) -> None:
    (token,) = tokens_of(literal(text))
    assert (token.token_type, token.text) == (TokenType.STRING, text)


def test_a_table_is_named_with_its_database() -> None:
    assert qualified("d.b", "t") == "`d.b`.`t`"


def test_a_call_holds_its_arguments_as_they_are() -> None:
    assert call("if", "a", "'b'", "1") == "if(a, 'b', 1)"
    assert call("now") == "now()"
