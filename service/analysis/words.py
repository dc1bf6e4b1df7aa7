"""ClickHouse's reasons in words for whoever wrote the SQL: what it says, a hint, and the names that it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.model import Place

_LONGEST = 400  # characters
_WRAPPING = re.compile(r"^.*?Code: \d+\. DB::Exception: ", re.DOTALL)
_ENDS = (
    re.compile(r"\s*\(for url [^)]*\)\s*$"),
    re.compile(r"\s*\(version [^()]*(?:\([^()]*\))?\)\s*$"),
    re.compile(r"\s*,?\s*Stack trace.*$", re.DOTALL),
    re.compile(r"\s*\([A-Z][A-Z0-9_]+\)\s*\.?\s*$"),
)
_MAYBE = re.compile(r"\.?\s*Maybe you meant: \[([^\]]*)\]\.?")
# Our SQL and plan in ClickHouse's words: what was composed is not what somebody wrote.
_OURS = re.compile(r"(?:[:.,]? ?\bIn (?:scope|query) .*|[:,.]? ?[Ww]hile (?:executing|processing) .*)$", re.DOTALL)
_SYNTAX = re.compile(r"Syntax error[^:]*: failed at position (\d+) \((.*?)\)(?: \(line \d+, col \d+\))?:", re.DOTALL)
_EXPECTED = re.compile(r"Expected one of: (.*)$", re.DOTALL)
_DATABASE = re.compile(r"\b\w*__rehearsal_[0-9a-f]+_[0-9a-f]+\.")
_UNIQUE = re.compile(r"\b__table\d+\.")
_QUOTED = re.compile(r"[`']([^`'\n]{1,200})[`']")
_CONSTANT = re.compile(r"'([^']*)'_[A-Z]")
_FUNCTION = re.compile(r"\b[Ff]unction (?:with name )?[`']?(\w+)")
_COLUMN = re.compile(r"\b__table\d+\.([\w.]+)")
_CLAUSE = re.compile(r"\bin (WHERE|PREWHERE|HAVING|QUALIFY)\b|section (IN)\b")
_BARE_COLUMN = re.compile(r"\bcolumn (\w+)\s*$")
_MERGED = re.compile(r"with (\w+) suffix .* instead of (\w+)")
_UNION = re.compile(r"\b(UNION|INTERSECT|EXCEPT)_?(?:ALL|DISTINCT)?\b")
_OPERATORS = {
    "equals": "=", "notEquals": "!=", "less": "<", "lessOrEquals": "<=", "greater": ">", "greaterOrEquals": ">=",
    "plus": "+", "minus": "-", "multiply": "*", "divide": "/", "modulo": "%", "like": "LIKE", "ilike": "ILIKE",
    "notLike": "LIKE", "in": "IN", "notIn": "IN", "globalIn": "IN", "and": "AND", "or": "OR", "not": "NOT",
    "concat": "||", "arrayElement": "[", "tupleElement": ".", "CAST": "::", "_CAST": "::",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """`text` and `hint` are for people. `names` are words of the SQL that it is about, the most telling first.
    `position` is where a syntax error is in the statement: the byte, from 1; 0 for other errors."""

    text: str
    hint: str = ""
    names: tuple[str, ...] = ()
    position: int = 0


def reason_of(said: str) -> Reason:
    """What ClickHouse said, taken apart."""
    text = _WRAPPING.sub("", said.strip())
    while text != (shorter := _without_ends(text)):
        text = shorter
    if syntax := _SYNTAX.search(text):
        return _syntax_error(text, syntax)
    meant = _MAYBE.search(text)
    hint = f"did you mean {_listed(meant[1])}?" if meant and meant[1].strip() else ""
    whole = _MAYBE.sub("", text)
    shown = " ".join(_UNIQUE.sub("", _DATABASE.sub("", _OURS.sub("", whole))).split()).strip(" :.,")
    return Reason(_bounded(shown), hint, _names(whole))


def source_line(source: str, place: Place) -> str:
    lines = source.splitlines()
    return lines[place.line - 1] if 0 < place.line <= len(lines) else ""


def _without_ends(text: str) -> str:
    for end in _ENDS:
        text = end.sub("", text)
    return text


def _syntax_error(text: str, found: re.Match[str]) -> Reason:
    expected = _EXPECTED.search(text)
    word = " ".join(found[2].split())
    at = "at the end" if word == "end of query" else f"at `{word}`"
    hint = ""
    if expected:
        words = [each.strip(" .") for each in expected[1].split(",")]
        hint = f"expected here: {', '.join(words[:8])}{' …' if len(words) > 8 else ''}"
    elif "Unmatched" in text:
        hint = "a bracket is opened and not closed, or closed and not opened"
    return Reason(f"syntax error {at}", hint, position=int(found[1]))


def _listed(quoted: str) -> str:
    names = [each.strip(" '`") for each in quoted.split(",")]
    return " or ".join(f"`{name}`" for name in names[:3])


def _names(text: str) -> tuple[str, ...]:
    own = _OURS.sub("", text)
    executing = text[len(own) :] if re.match(r"[:,.]? ?[Ww]hile", text[len(own) :]) else ""
    names: list[str] = _QUOTED.findall(own)
    names += _COLUMN.findall(own) + _COLUMN.findall(executing) + _CONSTANT.findall(executing)
    for name in (*_FUNCTION.findall(own), *_FUNCTION.findall(executing)):
        names.append(_OPERATORS.get(name, name))
    names += [first or second for first, second in _CLAUSE.findall(own)]
    names += _UNION.findall(own) + _BARE_COLUMN.findall(own)
    names += [f"{function}{suffix}" for suffix, function in _MERGED.findall(own)]
    if "support sampling" in own:
        names.append("SAMPLE")
    return tuple(dict.fromkeys(_last_parts(names)))


def _last_parts(names: list[str]) -> list[str]:
    """Names as the SQL may have them: with all their parts, then the last alone."""
    found = []
    for name in names:
        bare = _DATABASE.sub("", name).strip()
        found += [bare, bare.rpartition(".")[2]] if "." in bare and " " not in bare else [bare]
    return [name for name in found if name]


def _bounded(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
