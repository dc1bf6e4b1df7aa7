"""What stands at a position of a statement."""

from __future__ import annotations

from schemas.sql.cursor import TokenCursor
from schemas.sql.tokens import tokens_of


def cursor(sql: str) -> TokenCursor:
    return TokenCursor(sql, tokens_of(sql))


def test_a_keyword_of_two_words_is_called_by_its_first_and_a_quoted_one_is_none() -> None:
    read = cursor("SELECT `from` GROUP   BY 1")
    assert [read.word(position) for position in range(-1, 5)] == ["", "SELECT", "", "GROUP", "", ""]


def test_a_name_is_a_word_or_stands_in_quotes_and_is_no_text() -> None:
    read = cursor("a `b` 'c' 1 (")
    assert [read.is_name(position) for position in range(6)] == [True, True, False, False, False, False]


def test_the_parts_of_a_name_are_between_dots() -> None:
    assert cursor("a.`b c`.d e").parts(0) == (("a", "b c", "d"), 5)


def test_a_star_ends_a_value_unless_it_multiplies() -> None:
    assert cursor("SELECT *").ends_value(1)
    assert not cursor("SELECT 1 *").ends_value(2)


def test_the_from_of_an_expression_is_no_clause() -> None:
    assert cursor("a IS DISTINCT FROM b").is_of_expression(3)
    assert not cursor("SELECT a FROM b").is_of_expression(2)
