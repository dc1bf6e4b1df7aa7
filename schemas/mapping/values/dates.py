"""SQL that reads dates and times strictly from text: the forms that Tinybird's Events API documents, real dates only.

ClickHouse's own parsers take 30 February for 1 March and 24:30 for the next day. So a text must come back from the
parsed value as it was, or is taken apart first.

An expression that stands in the SQL twice is analysed twice at each insert, which costs more than reading thousands of
texts. So each of these names its parts as seldom as it can.
"""

from __future__ import annotations

from schemas.sql.text import call, literal

_ISO = (
    r"^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9}))?"
    r"(?:[Zz]|([+-])(0\d|1[0-4])(?::?([0-5]\d))?)?$"
)
"""Date, time, fraction; sign, hours and minutes of the offset. ISO 8601 knows no offset beyond 14 hours."""


def date(text: str, family: str) -> str:
    """SQL: `YYYY-MM-DD` as Date or Date32, NULL for anything else or out of the type's range."""
    parsed = call(f"to{family}OrNull", text)
    return f"if(toString({parsed}) = {text}, {parsed}, NULL)"


def date_time(text: str, zone: str) -> str:
    """SQL: a time to the second as DateTime, NULL for anything else or outside 1970–2106.

    Takes `YYYY-MM-DD hh:mm:ss`, a `T` between, a fraction (cut off), `Z` or an offset; without either of them
    the time is in `zone` (a literal), where it must exist: not in the hour that a change of the clocks leaves out.
    """
    parsed = call("toDateTimeOrNull", text, zone)
    in_range = call("accurateCastOrNull", call("toUnixTimestamp64Second", _iso(text, 0, zone)), "'UInt32'")
    return f"if(toString({parsed}) = {text}, {parsed}, toDateTime({in_range}, {zone}))"


def date_time_64(text: str, precision: str, zone: str) -> str:
    """SQL: as `date_time`, with `precision` digits of the second kept, as DateTime64, within that type's range."""
    parsed = call("toDateTime64OrNull", text, precision, zone)
    return f"if(toString({parsed}) = {text}, {parsed}, {_iso(text, int(precision), zone)})"


def _iso(text: str, precision: int, zone: str) -> str:
    """SQL: Nullable(DateTime64(precision, zone)) of an ISO 8601 text, taken apart: date and time, fraction, offset.

    A time is moved by its offset in whole seconds and takes its fraction afterwards: ClickHouse throws where moving
    nanoseconds leaves their range, and one such message would stop its data source.
    """
    base = _part(text, r"\1 \2")
    full = base if precision == 0 else _part(text, r"\1 \2.\3")
    hours, minutes = (call("toInt32OrZero", _part(text, groups)) for groups in (r"\4\5", r"\4\6"))
    shift = f"{hours} * 3600 + {minutes} * 60"
    real = f"toDateTime64OrNull({base}, 0, 'UTC')"
    moved = f"subtractSeconds({real}, {shift})"
    if precision:
        whole = call("concat", call("toString", moved), "'.'", _part(text, r"\3"))
        moved = call("toDateTime64OrNull", whole, str(precision), "'UTC'")
    # At both ends of the type's range ClickHouse neither moves a time nor shows it in another zone.
    is_movable = f"{text} BETWEEN '0001-01-02' AND '9999-12-31'"
    if zone == "'UTC'":
        is_right = f"toString({real}) = {base} AND ({shift} = 0 OR {is_movable})"
        return f"if({is_right}, {moved}, NULL)"
    is_zoned = f"match({text}, '([Zz]|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')"
    absolute = f"if(toString({real}) = {base} AND {is_movable}, toTimeZone({moved}, {zone}), NULL)"
    local = f"toDateTime64OrNull({full}, {precision}, {zone})"
    exists = f"toString(toDateTime64OrNull({base}, 0, {zone})) = {base}"
    return f"if({is_zoned}, {absolute}, if({exists}, {local}, NULL))"


def _part(text: str, groups: str) -> str:
    """SQL: these groups of `_ISO`; of a text of another form the text itself, which is no time either way."""
    return call("replaceRegexpOne", text, literal(_ISO), literal(groups))
