"""Dates and times that exist."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from schemas.template.values.dates import DATETIME, existing_date, existing_moment, is_impossible, is_in_range


@pytest.mark.parametrize(
    ("text", "found"), [("2024-02-29", date(2024, 2, 29)), ("2023-02-29", None), ("20240131", None), ("2024-1-1", None)]
)
def test_a_date_is_one_of_the_calendar(text: str, found: date | None) -> None:
    assert existing_date(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2024-01-31T10:00:00+02:30", datetime(2024, 1, 31, 7, 30, tzinfo=UTC)),
        ("31-01-2024 1:2:3", datetime(2024, 1, 31, 1, 2, 3, tzinfo=UTC)),
        ("2024-01-31 25:00:00", None),
        ("2024-01-31 10:00:00+15:00", None),
    ],
)
def test_a_moment_is_one_that_a_clock_shows(text: str, found: datetime | None) -> None:
    match = DATETIME.fullmatch(text)
    assert match is not None
    assert existing_moment(match) == found


def test_only_what_has_the_form_is_impossible() -> None:
    assert [is_impossible(text) for text in ("2024-02-30", "2024-01-31 25:00:00", "2024-01-31", "now")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_years_are_those_of_clickhouse() -> None:
    assert [is_in_range(date(year, 1, 1)) for year in (1899, 1900, 2299, 2300)] == [False, True, True, False]
