"""The types that are written into a table whose server is not in UTC: times without a zone get UTC's.

ClickHouse gives a column without a zone the server's own when it loads the table, and keys, TTL, merges and functions
of the column go by that, whatever the session of a statement says (tried on 26.9: a table that a UTC session made on a
server in New York was sorted by UTC days until the server was started again, and by New York's afterwards).
"""

from __future__ import annotations

import re

# What may stand in a type and is none: quoted texts and names; then the two types, unless they are a member's name.
_TIMES = re.compile(
    r"'(?:[^'\\]|\\.)*'"
    r"|`(?:[^`\\]|\\.)*`"
    r'|"(?:[^"\\]|\\.)*"'
    r"|(?<![\w.])(?P<second>DateTime(?:32)?)\b(?!\s*\()(?!\s+[\w`\"])"
    r"|(?<![\w.])(?P<fraction>DateTime64)\s*\(\s*(?P<digits>\d)\s*\)",
    re.DOTALL,
)
# Other names of UTC that servers are given (the tz database's `backward` file), and GMT, which is the same all year.
_UTC_NAMES = frozenset(
    f"{prefix}{name}"
    for prefix in ("", "Etc/")
    for name in ("UTC", "UCT", "Universal", "Zulu", "GMT", "GMT0", "GMT+0", "GMT-0", "Greenwich")
)


def is_utc(zone: str) -> bool:
    """Whether a time zone's name is one of UTC's."""
    return zone in _UTC_NAMES


def stored_type(text: str) -> str:
    """A ClickHouse type whose times all name a zone: their own, else UTC."""

    def zoned(match: re.Match[str]) -> str:
        if match["second"]:
            return "DateTime('UTC')"
        return f"DateTime64({match['digits']}, 'UTC')" if match["fraction"] else match[0]

    return _TIMES.sub(zoned, text) if "DateTime" in text else text
