"""What ClickHouse says, in words for whoever wrote the SQL."""

from __future__ import annotations

import pytest

from service.analysis.located import offset_of, output_of
from service.analysis.words import reason_of

AT = " (for url http://127.0.0.1:8123)"


@pytest.mark.parametrize(
    ("said", "text", "hint"),
    [
        (
            "Received ClickHouse exception, code: 47, server response: Code: 47. DB::Exception: Unknown expression"
            " identifier `usr_id`. Maybe you meant: ['user_id']. In scope SELECT usr_id FROM events."
            " (UNKNOWN_IDENTIFIER)" + AT,
            "Unknown expression identifier `usr_id`",
            "did you mean `user_id`?",
        ),
        (
            "Code: 53. DB::Exception: Cannot convert string 'abc' to type Int32: while executing function equals on"
            " arguments __table1.n Int32 Int32(size = 0), 'abc'_String String Const(size = 0). (TYPE_MISMATCH)"
            " (version 26.9.2.1)",
            "Cannot convert string 'abc' to type Int32",
            "",
        ),
        (
            "Code: 215. DB::Exception: Column 'birdhouse__rehearsal_6a_0badcafe.events.user_id' is not under aggregate"
            " function. In query SELECT 1. (NOT_AN_AGGREGATE)",
            "Column 'events.user_id' is not under aggregate function",
            "",
        ),
        (
            "Code: 62. DB::Exception: Syntax error: failed at position 30 (events) (line 2, col 3): events). Expected"
            " one of: token, Comma, FROM. (SYNTAX_ERROR)",
            "syntax error at `events`",
            "expected here: token, Comma, FROM",
        ),
        ("the server is gone", "the server is gone", ""),
    ],
)
def test_reasons(said: str, text: str, hint: str) -> None:
    reason = reason_of(said)
    assert (reason.text, reason.hint) == (text, hint)


def test_a_syntax_error_has_its_position_and_others_their_names() -> None:
    assert reason_of("Code: 62. DB::Exception: Syntax error: failed at position 30 (x): x").position == 30
    assert reason_of("Code: 47. DB::Exception: Identifier 'e.foo' cannot be resolved").names[:2] == ("e.foo", "foo")


def test_a_long_reason_is_cut() -> None:
    assert len(reason_of("x" * 10_000).text) < 500


@pytest.mark.parametrize(
    ("names", "text", "found"),
    [
        (("user",), "SELECT user_id, user FROM t", "user FROM"),
        (("user",), "SELECT 'user', -- user\n user FROM t", "user FROM"),
        (("e.foo", "foo"), "SELECT foo, e.foo FROM e", "e.foo FROM"),
        # The line that has most of the names; on it the first of them.
        (("n", "abc", "="), "SELECT n\nFROM t\nWHERE n = 'abc'", "n = 'abc'"),
        (("SUM",), "SELECT sum(x) FROM t", "sum(x)"),
    ],
)
def test_the_place_of_names(names: tuple[str, ...], text: str, found: str) -> None:
    offset = offset_of(names, text)
    assert offset is not None
    assert text[offset:].startswith(found)


def test_names_that_are_not_there_have_no_place() -> None:
    assert offset_of(("nothing",), "SELECT 1") is None
    assert offset_of((), "SELECT 1") is None


def test_an_output_column_is_where_it_gets_its_name() -> None:
    text = "SELECT at AS day, at, count() AS hits FROM t WHERE hits > 1"
    assert [text[output_of(name, text) or 0 :][:8] for name in ("at", "day", "hits")] == [
        "at, coun",
        "day, at,",
        "hits FRO",
    ]
