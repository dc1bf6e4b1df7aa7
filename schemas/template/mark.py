"""The `%` that makes a node's SQL a template: found behind blanks and comments, and put at its beginning."""

from __future__ import annotations

import re

# What editors put at the beginning of a text without showing it.
_UNSEEN = re.compile("[\ufeff\u200b\u2060]")
_COMMENT = r"--[^\n]*|#[^\n]*|/\*.*?\*/|\{#.*?#\}"
_BEFORE_MARK = re.compile(rf"(?:\s+|{_UNSEEN.pattern}|{_COMMENT})*", re.DOTALL)


def with_mark_first(sql: str) -> str:
    """The text with its mark, if it has one, as its first character. All behind the mark stays where it was, so that
    its places are those of the file."""
    before = _BEFORE_MARK.match(sql)
    mark = before.end() if before else 0
    if not sql.startswith("%", mark):
        return sql
    return f"%{_UNSEEN.sub(' ', sql[:mark])}{sql[mark + 1 :]}"
