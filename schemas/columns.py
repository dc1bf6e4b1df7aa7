"""The column list of a SCHEMA block."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.column_type import parse_column_type
from schemas.json_path import parse_json_path
from schemas.model import Column, ColumnType, JsonPath, Problem
from schemas.source import Line

_NAME = re.compile(r"`([^`\s]+)`|([A-Za-z0-9._*<>+'\-]+)")
_JSON = re.compile(r"`\s*json:([^`]*)`")
_WORD = re.compile(r"[A-Za-z]+")
_FORBIDDEN = {
    "MATERIALIZED": "computed columns belong into a materialized view, or use DEFAULT",
    "ALIAS": "computed columns belong into a query, or use DEFAULT",
    "TTL": "a TTL of one column is not supported: use ENGINE_TTL",
    "NOT": "columns are not nullable unless their type is Nullable(…)",
    "NULL": "write the type as Nullable(…)",
}


@dataclass(slots=True)
class Columns:
    """The columns of a schema and what was wrong with it."""

    columns: list[Column] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Entry:
    """The text of one column, and for each of its characters where it stands."""

    text: str
    places: Sequence[tuple[Line, int]]

    def problem(self, position: int, message: str, hint: str = "") -> Problem:
        line, column = self.places[min(position, len(self.places) - 1)]
        return line.problem(message, hint, column=column)


def parse_columns(block: Sequence[Line]) -> Columns:
    """Read a SCHEMA block; what cannot be understood is one problem a column, and the others are read on."""
    found = Columns()
    for entry in _entries(block):
        if re.match(r"INDEX\s+\S+\s+.*\bTYPE\b", entry.text, re.IGNORECASE | re.DOTALL):
            hint = "indexes stand in an INDEXES > block of their own"
            found.problems.append(entry.problem(0, "Forbidden INDEX definition in the schema", hint))
            continue
        column = _column(entry, found.problems)
        if column is not None:
            found.columns.append(column)
    return found


def _entries(block: Sequence[Line]) -> list[_Entry]:
    """Split at the commas outside brackets and quotes; `--` and lines that start with `#` are comments."""
    entries: list[_Entry] = []
    text: list[str] = []
    places: list[tuple[Line, int]] = []
    depth, quote = 0, ""

    def finish() -> None:
        whole = "".join(text)
        lead = len(whole) - len(whole.lstrip())
        if whole.strip():
            entries.append(_Entry(whole.strip(), tuple(places[lead:])))
        text.clear()
        places.clear()

    for line in block:
        content = line.text
        if not quote and content.lstrip().startswith("#"):
            continue
        position = 0
        while position < len(content):
            character = content[position]
            if not quote and content.startswith("--", position):
                break
            if quote:
                quote = "" if character == quote else quote
            elif character in "'`\"":
                quote = character
            elif character in "([{":
                depth += 1
            elif character in ")]}":
                depth = max(0, depth - 1)
            if character == "," and not quote and depth == 0:
                finish()
            else:
                text.append(character)
                places.append((line, position + 1))
            position += 1
        text.append("\n")
        places.append((line, len(content) + 1))
    finish()
    return entries


def _column(entry: _Entry, problems: list[Problem]) -> Column | None:
    text = entry.text
    match = _NAME.match(text)
    if match is None:
        hint = "a column is: name Type `json:$.path` DEFAULT expression CODEC(…)"
        problems.append(entry.problem(0, "a column name is expected here", hint))
        return None
    name = match[1] or match[2]
    parts, found = _parts(entry, match.end())
    problems += found
    if found:
        return None
    kind, path, default = parts.type, None, parts.default
    column_type: ColumnType | None = None
    if kind.strip():
        try:
            column_type = parse_column_type(kind)
        except ValueError as error:
            problems.append(entry.problem(parts.type_at, str(error), _type_hint(kind)))
            return None
    elif default is None:
        text = f"the column `{name}` has neither a type nor a DEFAULT"
        problems.append(entry.problem(0, text, "write a type behind it"))
        return None
    if parts.path is not None:
        path = _path(entry, parts, problems)
    if default is not None and default.upper() == "NULL":
        default = None
    return Column(name, column_type, path, default, parts.codec, entry.places[0][0].place(entry.places[0][1]))


def _path(entry: _Entry, parts: _Parts, problems: list[Problem]) -> JsonPath | None:
    try:
        return parse_json_path(parts.path or "")
    except ValueError as error:
        problems.append(entry.problem(parts.path_at, str(error)))
        return None


def _type_hint(kind: str) -> str:
    return "is a comma missing at the end of the line?" if "\n" in kind.strip() else ""


@dataclass(slots=True)
class _Parts:
    type: str = ""
    type_at: int = 0
    path: str | None = None
    path_at: int = 0
    default: str | None = None
    codec: str | None = None


def _parts(entry: _Entry, position: int) -> tuple[_Parts, list[Problem]]:
    """What stands behind a column's name, in any of the orders that are accepted."""
    text, parts, problems = entry.text, _Parts(), []
    parts.type_at = position
    section, start = "type", position

    def close(end: int) -> None:
        piece = text[start:end].strip()
        if section == "type":
            parts.type = piece
            parts.type_at = start + (len(text[start:end]) - len(text[start:end].lstrip()))
        elif section == "default":
            parts.default = piece

    depth, quote = 0, ""
    while position < len(text):
        character = text[position]
        if quote:
            position += 2 if character == "\\" else 1
            quote = "" if character == quote else quote
            continue
        if character == "`" and depth == 0 and (match := _JSON.match(text, position)):
            close(position)
            parts.path, parts.path_at = match[1].strip(), position
            section, position = "none", match.end()
            start = position
            continue
        if character in "'`\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif depth == 0 and character.isalpha() and not _inside_word(text, position):
            match = _WORD.match(text, position)
            word = match[0].upper() if match else ""
            if word == "DEFAULT" and section != "default":
                if parts.codec is not None:
                    hint = "write DEFAULT before CODEC"
                    problems.append(entry.problem(position, "Unexpected DEFAULT after CODEC", hint))
                close(position)
                section, start = "default", position + 7
                position += 7
                continue
            if word == "CODEC" and text[position + 5 :].lstrip().startswith("("):
                close(position)
                end = _closing(text, text.index("(", position))
                parts.codec = text[text.index("(", position) + 1 : end].strip()
                section, position = "none", end + 1
                start = position
                continue
            if word in _FORBIDDEN and section != "default":
                problems.append(entry.problem(position, f"{word} is not supported in a schema", _FORBIDDEN[word]))
                return parts, problems
            position += len(word) or 1
            continue
        position += 1
    close(len(text))
    if section == "none" and text[start:].strip():
        where = start + len(text[start:]) - len(text[start:].lstrip())
        hint = "is a comma missing at the end of the line before?"
        problems.append(entry.problem(where, f"`{text[where : where + 40].split()[0]}` is not expected here", hint))
    return parts, problems


def _inside_word(text: str, position: int) -> bool:
    before = text[position - 1]
    return before.isalnum() or before in "_."


def _closing(text: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return len(text)
