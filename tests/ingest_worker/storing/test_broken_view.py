"""What errors of ClickHouse 26.9 say of views: texts as the server and the embedded engine wrote them."""

from __future__ import annotations

import pytest

from ingest_worker.storing.broken_view import BrokenView, broken_view_of, missing_of, missing_target_of

BEHIND = ": while pushing to view t.events_store: while pushing to view t.events_parse. (CODE) (version 26.9.2.1)\n"
PARSING = (
    "Cannot parse string 'x0' as UInt64: syntax error at begin of string. Note: there are toUInt64OrZero and"
    " toUInt64OrNull functions, which returns zero/NULL instead of throwing exception"
)


@pytest.mark.parametrize(
    ("text", "view"),
    [
        (
            "Code: 395. DB::Exception: bad k: while executing 'FUNCTION throwIf(equals(__table1.k, 13_UInt8) :: 1, 'bad"
            " k'_String :: 3) -> throwIf(equals(__table1.k, 13_UInt8), 'bad k'_String) UInt8 : 2'"
            ": while pushing to view t.hourly" + BEHIND,
            BrokenView("hourly", "bad k", ("k",)),
        ),
        (
            f"Code: 6. DB::Exception: {PARSING}: while executing 'FUNCTION toUInt64(concat(__table1.`a b`,"
            " toString(__table1.k))) :: 2) -> toUInt64(concat(__table1.`a b`, toString(__table1.k))) UInt64 : 0'"
            ": while pushing to view t.`v.dot`" + BEHIND,
            BrokenView("v.dot", PARSING, ("a b", "k")),
        ),
        (
            "Code: 349. DB::Exception: Cannot convert NULL value to non-Nullable type: while converting source column k"
            " to destination column k: while executing 'FUNCTION _CAST(k :: 0, UInt64 :: 2) -> _CAST(k, UInt64) UInt64"
            " : 4': while pushing to view t.hourly" + BEHIND,
            BrokenView("hourly", "Cannot convert NULL value to non-Nullable type", ("k",)),
        ),
        (
            "Code: 241. DB::Exception: Query memory limit exceeded: would use 24.20 MiB (attempt to allocate chunk of"
            " 6.71 MiB), maximum: 19.07 MiB: While executing AggregatingTransform: while pushing to view t.hourly"
            + BEHIND,
            BrokenView(
                "hourly",
                "Query memory limit exceeded: would use 24.20 MiB (attempt to allocate chunk of 6.71 MiB), maximum:"
                " 19.07 MiB",
            ),
        ),
        (
            "Code: 60. DB::Exception: Unknown table expression identifier 't.dim'. In scope SELECT e.k, d.n FROM t.ev"
            " AS e INNER JOIN t.dim AS d USING (k): while pushing to view t.hourly" + BEHIND,
            BrokenView("hourly", "Unknown table expression identifier 't.dim'"),
        ),
        (  # the embedded engine's, which ends without its version
            "Code: 153. DB::Exception: Division by zero: while executing 'FUNCTION intDiv(1_UInt8 :: 1, __table1.k ::"
            " 2) -> intDiv(1_UInt8, __table1.k) UInt8 : 0': while pushing to view t.hourly: while pushing to view"
            " t.events_parse. (ILLEGAL_DIVISION)",
            BrokenView("hourly", "Division by zero", ("k",)),
        ),
        (  # what an author or a sender wrote does not name a view
            "Code: 395. DB::Exception: a: while pushing to view x.y: while executing 'FUNCTION throwIf(1)'"
            ": while pushing to view t.hourly" + BEHIND,
            BrokenView("hourly", "a: while pushing to view x.y"),
        ),
    ],
)
def test_the_view_that_failed_is_named_with_reason_value_and_columns(text: str, view: BrokenView) -> None:
    assert broken_view_of(text) == view
    assert (
        broken_view_of(f"HTTPDriver for http://server:1 returned response code 500)\n {text} (for url http://server:1)")
        == view
    )


@pytest.mark.parametrize(
    "text",
    [
        "Code: 469. DB::Exception: Constraint `ingest_fence` for table t.events_landing is violated",
        "Code: 6. DB::Exception: Cannot parse ': while pushing to view t.hourly' as UInt64. (CANNOT_PARSE_TEXT)",
        "",
    ],
)
def test_other_errors_name_none(text: str) -> None:
    assert broken_view_of(text) is None


def test_people_are_told_view_reason_and_columns() -> None:
    assert str(BrokenView("hourly", "Division by zero", ("a", "b"))) == (
        "view `hourly` fails: Division by zero (at `a`, `b`)"
    )
    assert str(BrokenView("hourly", "memory")) == "view `hourly` fails: memory"


def test_a_target_that_is_gone_is_named() -> None:
    text = "Code: 60. DB::Exception: Target table 't.`hour.ly`' of view 't.events_landing' doesn't exists. (CODE)"
    assert missing_target_of(text) == "hour.ly"
    assert missing_target_of("Code: 60. DB::Exception: Table t.x does not exist") == ""


def test_a_view_of_the_mapping_that_is_missing_is_named_and_no_other_table() -> None:
    text = "Code: 60. DB::Exception: Table t.events_parse does not exist. Maybe you meant t.events_parsed?: While"
    assert missing_of(text, ("events_parse",)) == "events_parse"
    assert missing_of(text, ("clicks_parse",)) == ""
    assert missing_of("Code: 60. DB::Exception: Table t.`a.b` doesn't exist", ("a.b",)) == "a.b"
