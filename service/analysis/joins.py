"""Warns of keys of a join that equal each other by chance alone: floating point numbers, and times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from schemas.model import Problem
from schemas.queries.trials.origins import RenderedNode
from service.analysis.located import offset_of
from service.analysis.words import source_line

_HINT = "join on a whole number, a date or a text, or round both sides the same way; ASOF JOIN finds the nearest"
EXPLAIN_TREE = "EXPLAIN QUERY TREE "

_COLUMN = re.compile(r"COLUMN id: \d+, column_name: (.+?), result_type: (.+?), source_id: \d+")
_EQUALS = re.compile(r"FUNCTION id: \d+, function_name: equals,")
# What a column is called that holds the beginning of a span of time: those are the same for many events.
_ROUNDED = re.compile(
    r"second|minute|hour|day|date|week|month|quarter|year|bucket|period|interval|slot|window|bin", re.IGNORECASE
)
_WRAPPED = re.compile(r"^(?:Nullable|LowCardinality)\((.*)\)$")


def join_warnings(tree: Sequence[tuple[str, ...]], text: RenderedNode) -> Iterator[Problem]:
    """A warning for each such column that is compared for equality in a JOIN EXPRESSION of the query tree, if the node
    names it itself."""
    lines = [row[0] for row in tree]
    told: set[str] = set()
    for number, line in enumerate(lines):
        if line.strip() != "JOIN EXPRESSION":
            continue
        for name, kind in _equal_columns(lines, number):
            if name in told or (what := _what(name, kind)) is None:
                continue
            told.add(name)
            offset = offset_of((name,), text.text)
            if offset is None:
                continue  # it is another node's, which is warned of there
            offset = _after_join(text.text, name, offset)
            place = text.place(offset)
            yield Problem(
                place,
                f"the node `{text.node.node.name}` joins on `{name}`, {what} ({kind})",
                _HINT,
                source_line(text.node.pipe.source, place),
                "warning",
            )


def _equal_columns(lines: Sequence[str], start: int) -> Iterator[tuple[str, str]]:
    """The columns right below `equals`, or in a list as USING makes it."""
    depth = _depth(lines[start])
    equal_at = -1
    for line in lines[start + 1 :]:
        level = _depth(line)
        if level <= depth:
            return
        if level <= equal_at:
            equal_at = -1
        if _EQUALS.search(line):
            equal_at = level
        # ARGUMENTS and LIST stand between a function and its arguments, LIST alone between USING and its columns.
        is_key = (equal_at >= 0 and level == equal_at + 6) or level == depth + 4
        if is_key and (found := _COLUMN.search(line)) is not None:
            yield found[1], found[2]


def _what(name: str, kind: str) -> str | None:
    while (inner := _WRAPPED.match(kind)) is not None:
        kind = inner[1]
    if kind.startswith(("Float", "BFloat")):
        return "a floating point number: two that look equal may differ in the last bit"
    if kind.startswith("DateTime") and not _ROUNDED.search(name):
        return "a time: two events of one moment rarely have the same"
    return None


def _after_join(text: str, name: str, otherwise: int) -> int:
    """Where it stands behind a JOIN, sooner than in the SELECT."""
    join = re.search(r"\bJOIN\b", text, re.IGNORECASE)
    if join is None:
        return otherwise
    found = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)").search(text, join.end())
    return found.start() if found is not None else otherwise


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
