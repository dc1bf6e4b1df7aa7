"""Whether a template's parameters can change which columns its SQL answers with, read off the places of its blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schemas.template.compiling.tags import Segment

# They write names of columns or tables.
_NAMING = re.compile(r"\b(?:columns?|symbol|table|enumerate_with_last)\s*\(", re.IGNORECASE)
# A tag inside a literal or a quoted name is refused at deploy, so each of them lies within one segment.
_OPAQUE = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|--[^\n]*|/\*.*?\*/", re.DOTALL)
_TOKEN = re.compile(r"[()]|\w+")
# What begins a part of a SELECT behind which nothing says columns any more.
_NARROWING = frozenset({"where", "prewhere", "having", "group", "order", "limit", "offset", "qualify"})
_SHAPING = frozenset(
    {"select", "union", "intersect", "except", "from", "join", "array", "with", "as", "into", "format"}
)


def can_choose_columns(segments: Sequence[Segment]) -> bool:
    """True unless every block stands where a SELECT only narrows or orders its rows, and no tag writes a name."""
    if any(each.kind != "text" and _NAMING.search(each.text) for each in segments):
        return True
    place = _Place()
    depth = 0
    for each in segments:
        if each.kind == "open":
            depth += 1
            if depth == 1:
                block = _Block(place)
        elif each.kind == "close":
            depth -= 1
        elif each.kind == "text":
            words = _TOKEN.findall(_OPAQUE.sub(" ", each.text).lower())
            if depth and not block.takes(words):
                return True
            if not depth:
                place.pass_over(words)
        elif depth and each.kind == "expression" and not block.is_narrowing:
            return True
    return False


class _Place:
    """How far the SELECT of each open bracket has got: `select`, `from`, or `narrowing`."""

    def __init__(self) -> None:
        self.stages = ["select"]

    def pass_over(self, words: Sequence[str]) -> None:
        for word in words:
            if word == "(":
                self.stages.append("select")
            elif word == ")":
                if len(self.stages) > 1:
                    self.stages.pop()
            elif word in _NARROWING:
                self.stages[-1] = "narrowing"
            elif word == "from":
                self.stages[-1] = "from"
            elif word in ("select", "union", "intersect", "except"):
                self.stages[-1] = "select"


class _Block:
    """One block of the outermost level, whatever is nested in it."""

    def __init__(self, place: _Place) -> None:
        # Within a WHERE's brackets too.
        self.is_narrowing = "narrowing" in place.stages
        self._follows_tables = place.stages[-1] == "from"
        self._brackets = 0

    def takes(self, words: Sequence[str]) -> bool:
        """Whether more text of the block leaves the columns alone."""
        for word in words:
            if not self.is_narrowing:
                if not (self._follows_tables and word in _NARROWING):
                    return False
                self.is_narrowing = True
            self._brackets += (word == "(") - (word == ")")
            if self._brackets < 0 or (word in _SHAPING and not self._brackets):
                return False
        return True
