"""Writes the time that a tag is compared with so that ClickHouse takes it for any column of dates or times.

ClickHouse reads the text of a time leniently when it compares rows, but strictly for a primary key, in IN and for a
Date: there `2024-01-31T10:00:00Z` is error 53. A value of a type of its own works everywhere, with the index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

# What the columns of a name hold in all data sources that have one: dates alone, times to the second (or both), times
# with a fraction alone, times that name a time zone, anything else. None: no data source has it.
ColumnKind = Literal["date", "second", "fraction", "zoned", "text"] | None

_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?\s?(Z|UTC|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
_DATETIME_YEARS = range(1970, 2106)
_DATETIME64_YEARS = range(1900, 2262)


class MomentText(str):
    """The text of a DateTime or DateTime64 parameter, as the caller sent it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of a ClickHouse type: `text` is of that type's own form."""

    clickhouse_type: str
    text: str


def compared_text(text: MomentText, kind: ColumnKind) -> object:
    """What to bind for a time that is compared with a column of a kind: a Moment, or text where text is right.

    A time with a zone is an instant. One without is of the column's time zone, which only text says; it becomes a
    Moment where text cannot work and the column has no zone of its own. What is no time stays, for ClickHouse to judge.
    """
    match = _TIME.fullmatch(text)
    if match is None or kind == "text":
        return str(text)
    fraction, zone = (match[7] or "").rstrip("0"), match[8]
    needs_type = zone or kind == "date" or (fraction and kind == "second")
    if not needs_type:
        whole = text[: match.end(6)]
        return f"{whole}.{match[7]}" if fraction else whole
    try:
        year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _offset(zone)
    except (ValueError, OverflowError):
        return str(text)
    return _moment(moment, fraction, ",'UTC'" if zone else "") or str(text)


def _moment(moment: datetime, fraction: str, zone: str) -> Moment | None:
    whole = moment.strftime("%Y-%m-%d %H:%M:%S")
    if not fraction and moment.year in _DATETIME_YEARS:
        return Moment(f"DateTime({zone[1:]})" if zone else "DateTime", whole)
    if moment.year in _DATETIME64_YEARS:
        return Moment(f"DateTime64({len(fraction)}{zone})", f"{whole}.{fraction}" if fraction else whole)
    return None


def _offset(zone: str | None) -> timedelta:
    if zone is None or not zone[1:3].isdigit():
        return timedelta()
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]) if len(zone) > 3 else 0)
