"""Says which column a tag is compared with, from the SQL that stands around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schemas.template.compiling.tags import Segment

_WORDS = r"(?:[A-Za-z_]\w*\.)*(?P<plain>[A-Za-z_]\w*)"
_NAME = rf"""(?:`(?P<quoted>[^`\\]+)`|"(?P<double>[^"\\]+)"|(?<![\w.$)`"\]]){_WORDS})"""
# Functions that answer with a time, whatever they are given.
_FUNCTION = r"(?<![\w.])(?:toStartOf\w+|toDateTime\w*|toTimeZone|parseDateTime\w*|date_?trunc)\s*\([^()]*\)"
_OPERATOR = r"(?:=|==|!=|<>|<=|>=|<|>)"
_BETWEEN = r"\b(?:NOT\s+)?BETWEEN(?:(?:(?!\bAND\b)[^;])*\bAND)?"
_IN = r"\b(?:GLOBAL\s+)?(?:NOT\s+)?IN\s*(?:\((?:(?:[^()]|\([^()]*\))*,)?)?"
_BEFORE = re.compile(rf"(?:{_NAME}|{_FUNCTION})\s*(?:{_OPERATOR}\s*\(?|{_BETWEEN}|{_IN})\s*\Z", re.IGNORECASE)
_AFTER = re.compile(rf"\s*\)?\s*{_OPERATOR}\s*(?:{_WORDS}(?!\w|\s*[(.])|{_FUNCTION})", re.IGNORECASE)
# A comparison's left side is short; patterns over more text than this would take time for nothing.
_REACH = 160


def compared_columns(segments: Sequence[Segment]) -> dict[int, str]:
    """For each `{{ }}` by its ordinal that is compared with a column: its name, empty for a function's result.

    Nothing for a template without Date(), DateTime() or DateTime64(): their values alone depend on what is compared.
    Tags between (`a BETWEEN {{x}} AND {{y}}`) count as nothing. What is compared with anything else is left out.
    """
    found: dict[int, str] = {}
    before = ""
    if not any("Date" in segment.text for segment in segments if segment.kind != "text"):
        return found
    for ordinal, segment in enumerate(segments, 1):
        if segment.kind == "text":
            before = (before + segment.text)[-_REACH:]
        elif segment.kind == "expression":
            after = segments[ordinal].text[:_REACH] if ordinal < len(segments) else ""
            match = _BEFORE.search(before) or _AFTER.match(after)
            if match is not None:
                found[ordinal] = next((name for name in match.groupdict().values() if name), "")
    return found
