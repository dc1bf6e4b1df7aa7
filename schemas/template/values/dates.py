"""Which texts are dates and times: what ClickHouse takes, as far as the date exists.

ClickHouse itself reads 2026-13-01 as 1970-01-01, 2026-02-30 as the second of March and 25:00:00 as one o'clock on the
next day (tried on 26.9), so that a question about a date that does not exist would be answered with other rows.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
# `31-01-2024` is read as day, month and year by ClickHouse, too.
DATETIME = re.compile(
    r"(?:(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})|(?P<day_first>\d{1,2})-(?P<month_second>\d{1,2})-(?P<year_last>\d{4}))"
    r"[T ](?P<hour>\d{1,2}):(?P<minute>\d{1,2}):(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,18}))?"
    r"\s?(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})?", re.ASCII)
# ClickHouse documents these years for Date32 and DateTime64, the widest types of each family.
_YEARS = range(1900, 2300)
# The furthest zones of the world are 14 hours ahead of UTC.
_MAX_OFFSET_HOURS = 14


def existing_date(text: str) -> date | None:
    """The date of `YYYY-MM-DD`, None for a text of another form and for a date that no calendar has."""
    match = DATE.fullmatch(text)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def existing_moment(match: re.Match[str]) -> datetime | None:
    """The instant of a match of `DATETIME`, to the second and in UTC, as which a time without a zone is read here.

    None for a time that no clock shows.
    """
    year, month, day = match["year"], match["month"], match["day"]
    if year is None:
        year, month, day = match["year_last"], match["month_second"], match["day_first"]
    try:
        local = datetime(
            int(year), int(month), int(day), int(match["hour"]), int(match["minute"]), int(match["second"]), tzinfo=UTC
        )
        offset = _offset(match["zone"])
        return None if offset is None else local - offset
    except (ValueError, OverflowError):
        return None


def is_impossible(text: str) -> bool:
    """Whether a text has the form of a date or time, and is none that exists."""
    if DATE.fullmatch(text):
        return existing_date(text) is None
    match = DATETIME.fullmatch(text)
    return match is not None and existing_moment(match) is None


def is_in_range(moment: date | datetime) -> bool:
    """Whether ClickHouse has the date or time in the widest type of its family."""
    return moment.year in _YEARS


def _offset(zone: str | None) -> timedelta | None:
    found = _OFFSET.fullmatch(zone or "")
    if found is None:
        return timedelta()
    hours, minutes = int(found[2]), int(found[3] or 0)
    if hours > _MAX_OFFSET_HOURS or minutes > 59:
        return None
    return timedelta(hours=hours, minutes=minutes) * (-1 if found[1] == "-" else 1)
