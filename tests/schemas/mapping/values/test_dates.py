"""Dates and times are read from the documented forms alone, and only real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.mapping.values.dates import date, date_time, date_time_64
from schemas.sql.text import literal

TEXT = "`__value`"


@pytest.mark.parametrize(
    ("text", "family", "value"),
    [
        ("2025-05-12", "Date", "2025-05-12"),
        ("1969-12-31", "Date", None),
        ("1901-01-01", "Date32", "1901-01-01"),
        ("2025-02-30", "Date", None),
        ("2025-5-12", "Date", None),
    ],
)
def test_dates(evaluate: Callable[..., Any], text: str, family: str, value: str | None) -> None:
    assert evaluate(f"toString({date(TEXT, family)})", text) == value


@pytest.mark.parametrize(
    ("text", "zone", "value"),
    [
        ("2025-05-12 07:04:14", "UTC", "2025-05-12 07:04:14"),
        ("2025-05-12T07:04:14.9+02:00", "UTC", "2025-05-12 05:04:14"),
        ("2025-05-12T07:04:14Z", "Europe/Madrid", "2025-05-12 09:04:14"),
        ("2025-03-30T02:30:00", "Europe/Madrid", None),
        ("2025-05-12 24:30:00", "UTC", None),
        ("2025-05-12T07:04:14+15:00", "UTC", None),
        ("2106-02-07 06:28:16", "UTC", None),
    ],
)
def test_times_to_the_second(evaluate: Callable[..., Any], text: str, zone: str, value: str | None) -> None:
    assert evaluate(f"toString({date_time(TEXT, literal(zone))})", text) == value


@pytest.mark.parametrize(
    ("text", "precision", "value"),
    [
        ("2025-05-12T07:04:14.123456+02:00", "3", "2025-05-12 05:04:14.123"),
        ("1969-12-31T23:59:59.999Z", "3", "1969-12-31 23:59:59.999"),
        ("2025-05-12 07:04:14,5", "9", "2025-05-12 07:04:14.500000000"),
        ("2290-01-01 00:00:00", "9", None),
        ("9999-12-31T23:59:59-01:00", "3", None),
    ],
)
def test_times_with_fractions(evaluate: Callable[..., Any], text: str, precision: str, value: str | None) -> None:
    assert evaluate(f"toString({date_time_64(TEXT, precision, literal('UTC'))})", text) == value
