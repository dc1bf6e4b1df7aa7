"""The lines of an INDEXES block: `[INDEX] name expression TYPE type(arguments) [GRANULARITY n]`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schemas.files.lines.block_text import BlockText, block_text
from schemas.files.lines.datafile import Line
from schemas.files.lines.instructions import Instruction
from schemas.model import Index, Place, Problem

_TYPE = re.compile(r"(?<=[\s)`])TYPE(?=\s)", re.IGNORECASE)
_HINT = "an index is: name expression TYPE type(arguments) GRANULARITY n"


def read_indexes(instruction: Instruction, problems: list[Problem]) -> tuple[Index, ...]:
    """The indexes of an INDEXES line, which stand in the block below it."""
    if instruction.block is None:
        problems.append(instruction.problem("INDEXES must be multiline", "write `INDEXES >` and one index a line"))
    return parse_indexes(instruction.block or (), problems)


def parse_indexes(block: Sequence[Line], problems: list[Problem]) -> tuple[Index, ...]:
    """The indexes of a block, one a line; a line that is none becomes a problem."""
    if not block:
        return ()
    source = block_text(block)
    found: list[Index] = []
    for start, line in zip(source.starts, block, strict=True):
        text = source.text[start : start + len(line.text)]
        if not text.strip():
            continue
        position = start + len(text) - len(text.lstrip())
        index = _index(text.strip().rstrip(",").rstrip(), source.place(position))
        if index is None:
            problems.append(_problem(source, position))
        else:
            found.append(index)
    return tuple(found)


def _index(text: str, place: Place) -> Index | None:
    words = text.split(None, 1)
    if len(words) == 2 and words[0].upper() == "INDEX":
        words = words[1].split(None, 1)
    if len(words) < 2:
        return None
    name, rest = words
    types = list(_TYPE.finditer(rest))
    if not types:
        return None
    expression, kind = rest[: types[-1].start()].strip(), rest[types[-1].end() :].strip()
    granularity: int | None = None
    parts = kind.rsplit(None, 2)
    if len(parts) == 3 and parts[1].upper() == "GRANULARITY":
        if not (parts[2].isascii() and parts[2].isdigit() and len(parts[2]) < 10):
            return None
        kind, granularity = parts[0], int(parts[2])
    return Index(name.strip("`"), expression, kind, granularity, place) if expression and kind else None


def _problem(source: BlockText, position: int) -> Problem:
    return source.problem(position, "this is not understood as an index", _HINT)
