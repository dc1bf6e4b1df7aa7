"""Writes the time that a tag is compared with so that ClickHouse takes it for any column of dates or times.

ClickHouse reads the text of a time leniently when it compares rows, but strictly for a primary key, in IN and for a
Date: there `2024-01-31T10:00:00Z` is error 53. A value of a type of its own works everywhere, with the index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from schemas.template.values.dates import existing_date

# What the columns of a name hold in all data sources that have one: dates alone, times to the second (or both), times
# with a fraction alone, times that name a time zone, anything else. None: no data source has it.
ColumnKind = Literal["date", "second", "fraction", "zoned", "text"] | None

_DATE_YEARS = range(1970, 2149)
_DATETIME_YEARS = range(1970, 2106)
_DATETIME64_YEARS = range(1900, 2300)
# A DateTime64 counts in 64 bits: in nanoseconds they reach this year.
_NANOSECOND_YEARS = range(1900, 2262)
_FRACTION_DIGITS = 9


class MomentText(str):
    """The text of a DateTime or DateTime64 parameter, as the caller sent it but with a point before a fraction.

    `match` is that of `DATETIME`, `moment` its instant: whoever has them need not read the text once more.
    """

    __slots__ = ("match", "moment")

    match: re.Match[str]
    moment: datetime

    @classmethod
    def of(cls, match: re.Match[str], moment: datetime) -> Self:
        text = match.string
        made = cls(text.replace(",", ".") if "," in text else text)  # ClickHouse takes no comma there
        made.match, made.moment = match, moment
        return made


class DateText(str):
    """The text of a Date parameter."""

    __slots__ = ()


TimeText = MomentText | DateText
"""The text of a parameter that is a date or time, and one that exists."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of a ClickHouse type: `text` is of that type's own form."""

    clickhouse_type: str
    text: str


def compared_text(text: TimeText, kind: ColumnKind) -> object:
    """What to bind for a time that is compared with a column of a kind: a Moment, or text where text is right.

    A time with a zone is an instant. One without is of the column's time zone, which only text says; it becomes a
    Moment where text cannot work and the column has no zone of its own: ClickHouse reads text as the column's type, and
    brings what this does not hold to its nearest value.
    """
    if isinstance(text, DateText):
        return _compared_date(text, kind)
    if kind == "text":
        return str(text)
    match, moment = text.match, text.moment
    fraction, zone = (match["fraction"] or "")[:_FRACTION_DIGITS].rstrip("0"), match["zone"]
    is_outside = kind == "second" and moment.year not in _DATETIME_YEARS
    if zone or kind == "date" or (fraction and kind == "second") or is_outside:
        return _moment(moment, fraction, ",'UTC'" if zone else "") or str(text)
    whole = text[: match.end("second")] if match["year"] else moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{whole}.{match['fraction']}" if fraction else whole


def _compared_date(text: DateText, kind: ColumnKind) -> object:
    found = existing_date(text)
    if kind == "date" and found is not None and found.year not in _DATE_YEARS:
        return Moment("Date32", str(text))
    return str(text)


def _moment(moment: datetime, fraction: str, zone: str) -> Moment | None:
    whole = moment.strftime("%Y-%m-%d %H:%M:%S")
    if not fraction and moment.year in _DATETIME_YEARS:
        return Moment(f"DateTime({zone[1:]})" if zone else "DateTime", whole)
    years = _NANOSECOND_YEARS if len(fraction) == _FRACTION_DIGITS else _DATETIME64_YEARS
    if moment.year in years:
        return Moment(f"DateTime64({len(fraction)}{zone})", f"{whole}.{fraction}" if fraction else whole)
    return None
