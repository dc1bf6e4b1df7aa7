"""The text of a caller's own SQL: how long it may be, which characters it may hold, and its FORMAT clause."""

from __future__ import annotations

import re

from query_api.errors import BadRequest, TooLarge
from query_api.sql_names import FormatClauseError, SqlTextError, names_of

# Enough for any statement that a person or a tool writes; ClickHouse's own limit is for the statement with its nodes.
MAX_SQL_CHARACTERS = 65_536
# Control characters other than tab and line ends: no SQL needs them, and tools cut a text at NUL.
_REFUSED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FORMAT = re.compile(r"FORMAT\s+([A-Za-z0-9_]+)[\s;]*", re.IGNORECASE)


def checked_text(sql: str) -> str:
    """The text itself. Raises `BadRequest` and `TooLarge`."""
    if len(sql) > MAX_SQL_CHARACTERS:
        raise TooLarge(f"the SQL has {len(sql)} characters; at most `{MAX_SQL_CHARACTERS}` are taken")
    found = _REFUSED.search(sql)
    if found:
        raise BadRequest(
            f"the SQL holds the control character `{found[0]!a}`\nhint: write it as an escape in a literal"
        )
    if not sql.strip():
        raise BadRequest("the SQL is empty\nhint: send a SELECT as the parameter `q` or as the body")
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise BadRequest("the SQL holds half of a surrogate pair, which is no text") from error
    return sql


def without_format(sql: str) -> tuple[str, str | None]:
    """A statement without its FORMAT clause, and the format's name. Raises `SqlTextError`."""
    try:
        names_of(sql)
    except FormatClauseError as error:
        found = _FORMAT.fullmatch(sql, error.offset)
        if found is None:
            raise SqlTextError("after FORMAT comes one name, and nothing after it", error.offset) from None
        return sql[: error.offset], found[1]
    return sql, None
