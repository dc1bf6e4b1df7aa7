"""How long a caller's SQL may be, and which characters it may hold."""

from __future__ import annotations

import pytest

from query_api.errors import BadRequest, RequestError, TooLarge
from query_api.questions.sql_text import MAX_SQL_CHARACTERS, checked_text


def test_a_text_stays_as_it_is() -> None:
    text = "SELECT 'é\t\r\n'" + " " * 9
    assert checked_text(text) == text
    assert len(checked_text("1" * MAX_SQL_CHARACTERS)) == MAX_SQL_CHARACTERS


@pytest.mark.parametrize(
    ("sql", "error", "words"),
    [
        ("1" * (MAX_SQL_CHARACTERS + 1), TooLarge, "has 65537 characters"),
        ("% " + "{{x}}" * 1_001, TooLarge, "more than the `1000` tags"),
        ("SELECT 1\0", BadRequest, r"control character `'\\x00'`"),
        (" \n", BadRequest, "the SQL is empty"),
        ("SELECT '\ud800'", BadRequest, "half of a surrogate pair"),
    ],
)
def test_what_no_sql_needs_is_refused(sql: str, error: type[RequestError], words: str) -> None:
    with pytest.raises(error, match=words):
        checked_text(sql)
