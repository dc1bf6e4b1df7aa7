"""SQL that reads dates and times strictly from text: the forms that Tinybird's Events API documents, real dates only.

ClickHouse's own parsers take 30 February for 1 March and 24:30 for the next day. So a text must come back from the
parsed value as it was, or is taken apart first.

An expression that stands in the SQL twice is analysed twice at each insert, which costs more than reading thousands of
texts. So each of these names its parts as seldom as it can.
"""

from __future__ import annotations

from schemas.sql import call, literal

_ISO = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}([.,]\d{1,9})?(Z|z|[+-]\d{2}:?\d{2})?$"


def date(text: str, family: str) -> str:
    """SQL: `YYYY-MM-DD` as Date or Date32, NULL for anything else or out of the type's range."""
    parsed = call(f"to{family}OrNull", text)
    return f"if(toString({parsed}) = {text}, {parsed}, NULL)"


def date_time(text: str, zone: str) -> str:
    """SQL: a time to the second as DateTime, NULL for anything else or outside 1970–2106.

    Takes `YYYY-MM-DD hh:mm:ss`, a `T` between, a fraction (cut off), `Z` or an offset; without either of them
    the time is in `zone` (a literal).
    """
    plain = call("toDateTimeOrNull", text, "'UTC'")
    parsed = plain if zone == "'UTC'" else call("toDateTimeOrNull", text, zone)
    iso = _iso(text, 0, zone)
    in_range = call("accurateCastOrNull", call("toUnixTimestamp64Second", iso), "'UInt32'")
    return f"if(toString({plain}) = {text}, {parsed}, toDateTime({in_range}, {zone}))"


def date_time_64(text: str, precision: str, zone: str) -> str:
    """SQL: as `date_time`, with `precision` digits of the second kept, as DateTime64, within that type's range."""
    plain = call("toDateTime64OrNull", text, precision, "'UTC'")
    parsed = plain if zone == "'UTC'" else call("toDateTime64OrNull", text, precision, zone)
    return f"if(toString({plain}) = {text}, {parsed}, {_iso(text, int(precision), zone)})"


def _iso(text: str, precision: int, zone: str) -> str:
    """SQL: Nullable(DateTime64(precision)) of an ISO 8601 text, taken apart: date and time, fraction, offset."""
    base = f"concat(substring({text}, 1, 10), ' ', substring({text}, 12, 8))"
    is_real = f"toString(toDateTime64OrNull({base}, 0, 'UTC')) = {base}"
    fraction = rf"extract(substring({text}, 20), '^[.,](\\d+)')"
    offset = rf"extract(substring({text}, 20), '([+-]\\d{{2}}:?\\d{{2}})$')"
    full = base if precision == 0 else f"concat({base}, '.', rightPad({fraction}, {precision}, '0'))"
    # +0530 as a number, 530, is 100 times the hours and the minutes: both with its sign.
    number = f"toInt32OrZero(replaceOne({offset}, ':', ''))"
    shift = f"intDiv({number}, 100) * 2400 - {number} * 60"
    is_zoned = f"({offset} != '' OR endsWith(upper({text}), 'Z'))"
    absolute = f"addSeconds(toDateTime64OrNull({full}, {precision}, 'UTC'), {shift})"
    local = f"toDateTime64OrNull({full}, {precision}, {zone})"
    chosen = f"toTimeZone({absolute}, {zone})"
    if zone != "'UTC'":
        chosen = f"if({is_zoned}, {chosen}, {local})"
    return f"if(match({text}, {literal(_ISO)}) AND {is_real}, {chosen}, NULL)"
