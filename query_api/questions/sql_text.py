"""The text of a caller's own SQL: how long it may be, and which characters it may hold."""

from __future__ import annotations

import re

from query_api.errors import BadRequest, TooLarge

# Enough for any statement that a person or a tool writes; ClickHouse's own limit is for the statement with its nodes.
MAX_SQL_CHARACTERS = 65_536
# Each tag of a template takes a tenth of a millisecond to compile.
_MAX_TAGS = 1_000
_TAG = re.compile(r"\{[{%]")
# Control characters other than tab and line ends: no SQL needs them, and tools cut a text at NUL.
_REFUSED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def checked_text(sql: str) -> str:
    """The text itself. Raises `BadRequest` and `TooLarge`."""
    if len(sql) > MAX_SQL_CHARACTERS:
        raise TooLarge(f"the SQL has {len(sql)} characters; at most `{MAX_SQL_CHARACTERS}` are taken")
    if sql.lstrip().startswith("%") and len(_TAG.findall(sql)) > _MAX_TAGS:
        raise TooLarge(f"the SQL is a template of more than the `{_MAX_TAGS}` tags that are taken")
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
