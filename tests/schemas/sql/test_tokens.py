"""One statement as tokens."""

from __future__ import annotations

import pytest

from schemas.sql.tokens import SqlTextError, StatementError, statement_tokens, tokens_of


def test_comments_of_clickhouse_are_left_out() -> None:
    assert [token.text for token in tokens_of("a // b\n-- c\n# d\n/* e */ f")] == ["a", "f"]


def test_the_semicolon_behind_a_statement_is_no_part_of_it() -> None:
    assert [token.text for token in statement_tokens("SELECT 1 ; ;")] == ["SELECT", "1"]


@pytest.mark.parametrize(
    ("sql", "kind", "offset"),
    [
        ("", SqlTextError, 0),
        ("SELECT 1; SELECT 2", SqlTextError, 10),
        ("INSERT INTO t", StatementError, 0),
        ("SELECT 'a", SqlTextError, 0),
    ],
)
def test_what_is_not_one_select_is_refused_with_its_place(sql: str, kind: type[SqlTextError], offset: int) -> None:
    with pytest.raises(SqlTextError) as caught:
        statement_tokens(sql)
    assert (type(caught.value), caught.value.offset) == (kind, offset)
