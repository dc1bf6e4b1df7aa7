"""The column list of a SCHEMA block."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.files.column_type import is_state, nearest_family, parse_column_type
from schemas.files.default_expression import OPENING, STOP, expression_end, is_path, skip_spaces
from schemas.files.json_path import has_index, parse_json_path
from schemas.files.lines.block_text import BlockText, block_text
from schemas.files.lines.datafile import Line
from schemas.model import Column, ColumnType, JsonPath, Problem

_BLANKS = re.compile(r"[\s,]*")
_NAME = re.compile(r"[^\s,()\[\]{}'\"`]+")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORBIDDEN = {
    "MATERIALIZED": "computed columns belong into a materialized view, or use DEFAULT",
    "ALIAS": "computed columns belong into a query, or use DEFAULT",
    "EPHEMERAL": "every column of a data source is stored",
    "TTL": "a TTL of one column is not supported: use ENGINE_TTL",
    "NOT": "columns are not nullable unless their type is Nullable(…)",
    "NULL": "write the type as Nullable(…)",
    "COMMENT": "write the comment behind `--`",
}
_SHOWN = 40
_INDEX_LENGTH = 1_000
# Looking for what an unknown type may have meant takes about a millisecond.
_MAX_SUGGESTIONS = 20
_FORM = "a column is: name Type `json:$.path` DEFAULT expression CODEC(…)"


@dataclass(slots=True)
class ReadColumns:
    """The columns of a schema and what was wrong with it."""

    columns: list[Column] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def parse_columns(block: Sequence[Line]) -> ReadColumns:
    """Read a SCHEMA block in the time of its length; a column that is not understood is a problem, the others are
    read on."""
    found = ReadColumns()
    if block:
        reader = _Reader(block_text(block), found)
        while reader.read_column():
            pass
    return found


@dataclass(slots=True)
class _Draft:
    name: str
    position: int
    is_wrong: bool = False
    type: ColumnType | None = None
    path: JsonPath | None = None
    default: str | None = None
    codec: str | None = None
    has_parts: bool = False


class _Reader:
    """A cursor over the block: each method starts at what it reads and leaves the cursor behind it."""

    def __init__(self, source: BlockText, found: ReadColumns) -> None:
        self._source = source
        self._text = source.text
        self._found = found
        self._at = 0
        self._suggestions = 0

    def read_column(self) -> bool:
        """Read one column; False at the end."""
        if blanks := _BLANKS.match(self._text, self._at):
            self._at = blanks.end()
        if self._at >= len(self._text):
            return False
        draft = self._name()
        if draft is None or self._is_index(draft):
            self._recover()
            return True
        while self._part(draft):
            pass
        self._finish(draft)
        return True

    def _name(self) -> _Draft | None:
        start = self._at
        quote = self._text[start]
        if quote in '`"' and start in self._source.closing:
            self._at = self._source.closing[start] + 1
            name = self._text[start + 1 : self._at - 1].strip()
            if name and not name.startswith("json:"):
                return _Draft(name, start)
        elif match := _NAME.match(self._text, start):
            self._at = match.end()
            return _Draft(match[0], start)
        else:
            self._at += 1
        self._problem(start, "a column name is expected here", _FORM)
        return None

    def _is_index(self, draft: _Draft) -> bool:
        if draft.name.upper() != "INDEX" or self._text[draft.position] == "`":
            return False
        line = self._text[self._at : min(self._at + _INDEX_LENGTH, self._source.end_of_line(self._at))]
        if re.search(r"\sTYPE\s", line, re.IGNORECASE) is None:
            return False
        hint = "indexes stand in an `INDEXES >` block of their own"
        self._problem(draft.position, "Forbidden INDEX definition in the SCHEMA", hint)
        return True

    def _part(self, draft: _Draft) -> bool:
        """Read one part of a column; False behind the column."""
        before, self._at = self._at, skip_spaces(self._text, self._at)
        start = self._at
        if start >= len(self._text) or self._text[start] == ",":
            return False
        if is_path(self._source, start):
            self._path(draft)
            return True
        if draft.has_parts and self._source.line_number(before - 1) < self._source.line_number(start):
            hint = "columns are separated by commas"
            self._problem(start, f"a comma is missing before `{self._word_at(start)}`", hint)
            return False
        match = _WORD.match(self._text, start)
        if match is None:
            return self._unexpected(draft)
        return self._word(draft, match)

    def _word(self, draft: _Draft, match: re.Match[str]) -> bool:
        word, start = match[0].upper(), match.start()
        if word == "DEFAULT" and draft.default is None:
            if draft.codec is not None:
                self._problem(start, "Unexpected DEFAULT after CODEC", "write DEFAULT before CODEC", draft)
            self._at = match.end()
            draft.default = self._default(draft)
        elif word == "CODEC" and draft.codec is None and OPENING.match(self._text, match.end()):
            self._at = match.end()
            draft.codec = (self._bracketed(draft) or "")[1:-1].strip()
        elif word in _FORBIDDEN:
            shown = f"{word} NULL" if word == "NOT" else word
            self._problem(start, f"{shown} is not supported in the SCHEMA", _FORBIDDEN[word], draft)
            self._recover()
            return False
        elif not draft.has_parts:
            self._type(draft, match)
        else:
            return self._unexpected(draft)
        draft.has_parts = True
        return True

    def _type(self, draft: _Draft, match: re.Match[str]) -> None:
        self._at = match.end()
        text = match[0]
        if OPENING.match(self._text, self._at):
            brackets = self._bracketed(draft)
            if brackets is None:
                return
            text += brackets
        try:
            replaced: dict[str, str] = {}
            draft.type = parse_column_type(text, replaced)
            for word, meant in replaced.items():
                said = f"the type {word[:60]} is read as {meant[:60]}"
                self._found.problems.append(
                    self._source.problem(
                        match.start(), said, f"write {meant[:60]}, or the one that is meant", warning=True
                    )
                )
        except ValueError as error:
            self._problem(match.start(), str(error), self._type_hint(str(error)), draft)

    def _type_hint(self, reason: str) -> str:
        if not reason.startswith("Unknown") or self._suggestions >= _MAX_SUGGESTIONS:
            return ""
        self._suggestions += 1
        family = nearest_family(reason.rpartition(": ")[2])
        return f"did you mean {family}?" if family else ""

    def _bracketed(self, draft: _Draft) -> str | None:
        """The text from the next bracket to its partner, both included."""
        start = skip_spaces(self._text, self._at)
        end = self._source.closing.get(start)
        if end is None:
            self._problem(start, "the bracket is not closed", "", draft)
            self._at = self._source.end_of_line(start)
            return None
        self._at = end + 1
        return self._text[start : self._at]

    def _path(self, draft: _Draft) -> None:
        start, end = self._at, self._source.closing[self._at]
        self._at = end + 1
        if draft.path is not None:
            self._problem(start, f"the column `{draft.name}` has a second JSONPath", "leave one of them out", draft)
        draft.has_parts = True
        try:
            draft.path = parse_json_path(self._text[start + 1 : end].strip().removeprefix("json:"))
        except ValueError as error:
            self._problem(start, str(error), "", draft)
            return
        if has_index(draft.path):
            text = f"the index in the JSONPath `{draft.path.text[:80]}` is read, but finds nothing yet"
            hint = "take the whole array with [:] and pick its member in a pipe"
            self._found.problems.append(self._source.problem(start, text, hint, warning=True))

    def _default(self, draft: _Draft) -> str:
        start = self._at
        self._at = expression_end(self._source, start, lambda at, message: self._problem(at, message, "", draft))
        text = self._text[start : self._at].strip()
        if not text:
            self._problem(start, f"the DEFAULT of `{draft.name[:60]}` is empty", "write an expression behind it", draft)
        return text

    def _finish(self, draft: _Draft) -> None:
        if draft.default is not None and draft.default.upper() == "NULL":
            draft.default = None
        if draft.is_wrong:
            return
        if draft.type is None and draft.default is None:
            text = f"the column `{draft.name[:60]}` has neither a type nor a DEFAULT"
            self._problem(draft.position, text, "write its type behind the name")
            return
        if draft.path is not None and is_state(draft.type):
            text = f"the JSONPath of `{draft.name[:60]}` is not acted on: no JSON is a state of an AggregateFunction"
            hint = "events leave it empty; a materialized view fills it"
            self._found.problems.append(self._source.problem(draft.position, text, hint, warning=True))
            draft.path = None
        place = self._source.place(draft.position)
        self._found.columns.append(Column(draft.name, draft.type, draft.path, draft.default, draft.codec, place))

    def _unexpected(self, draft: _Draft) -> bool:
        self._problem(self._at, f"`{self._word_at(self._at)}` is not expected here", _FORM, draft)
        self._recover()
        return False

    def _word_at(self, position: int) -> str:
        return self._text[position : position + _SHOWN].split(None, 1)[0].strip("`")

    def _recover(self) -> None:
        """Go on behind the next comma outside brackets, or on the next line."""
        while (stop := STOP.search(self._text, self._at)) is not None:
            self._at = self._source.closing.get(stop.start(), stop.end() - 1) + 1
            if stop[0] in (",", "\n"):
                return
        self._at = len(self._text)

    def _problem(self, position: int, message: str, hint: str = "", draft: _Draft | None = None) -> None:
        if draft is not None:
            draft.is_wrong = True
        self._found.problems.append(self._source.problem(min(position, len(self._text)), message, hint))
