"""SQL at another moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from schemas.cases.clock import at_moment

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sql", "instead"),
    [
        ("SELECT now()", "SELECT toDateTime('2026-03-01 12:30:15')"),
        ("SELECT NOW ( )", "SELECT toDateTime('2026-03-01 12:30:15')"),
        ("SELECT now('Asia/Tokyo')", "SELECT toTimeZone(toDateTime('2026-03-01 12:30:15'), 'Asia/Tokyo')"),
        ("SELECT now64()", "SELECT toDateTime64('2026-03-01 12:30:15.123456', 3)"),
        ("SELECT now64(6, tz)", "SELECT toTimeZone(toDateTime64('2026-03-01 12:30:15.123456', 6), tz)"),
        ("SELECT today() - 1, yesterday()", "SELECT toDate('2026-03-01') - 1, toDate('2026-02-28')"),
        ("SELECT curdate(), CURRENT_DATE", "SELECT toDate('2026-03-01'), toDate('2026-03-01')"),
        ("SELECT current_timestamp AS x", "SELECT toDateTime('2026-03-01 12:30:15') AS x"),
        ("SELECT UTCTimestamp()", "SELECT toDateTime('2026-03-01 12:30:15', 'UTC')"),
        ("WHERE t > toStartOfDay(now() - INTERVAL 7 DAY)",
         "WHERE t > toStartOfDay(toDateTime('2026-03-01 12:30:15') - INTERVAL 7 DAY)"),
    ],
)  # fmt: skip
def test_a_call_becomes_the_moment(sql: str, instead: str) -> None:
    found = at_moment(sql, MOMENT)
    assert (found.sql, found.left) == (instead, ())
    assert found.asked


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'now()' FROM t -- today()",
        "SELECT now, today FROM t",
        "SELECT `now`(1)",
        "SELECT t.now FROM t AS today",
        "SELECT a /* now() */ FROM nowhere",
    ],
)
def test_what_asks_no_clock_stays(sql: str) -> None:
    found = at_moment(sql, MOMENT)
    assert (found.sql, found.asked, found.left) == (sql, (), ())


def test_what_has_no_moment_of_its_own_is_told() -> None:
    found = at_moment("SELECT now(), nowInBlock(), today(1)", MOMENT)
    assert found.sql == "SELECT toDateTime('2026-03-01 12:30:15'), nowInBlock(), today(1)"
    assert (found.asked, found.left) == (("now()",), ("nowInBlock()", "today(1)"))


def test_the_moment_is_that_of_utc() -> None:
    abroad = MOMENT.astimezone(timezone(timedelta(hours=14)))
    assert at_moment("SELECT today()", abroad).sql == "SELECT toDate('2026-03-01')"
