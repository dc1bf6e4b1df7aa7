"""What the first line of a CSV file says: how values are parted, and which columns they are of."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class CsvHead:
    """`columns` are those of the values, in order; none where the file does not name them and has another number of
    values. `size` is how many bytes name the columns, `width` how many values the first line has."""

    delimiter: str
    columns: tuple[str, ...]
    size: int
    width: int


def csv_head(content: bytes, names: Sequence[str]) -> CsvHead:
    """The head of a file with rows of a table whose columns have these names."""
    line, separator, _ = content.partition(b"\n")
    text = line.decode(errors="replace").rstrip("\r")
    delimiter, cells = max(
        ((each, _cells(text, each)) for each in _DELIMITERS),
        key=lambda found: (len(set(found[1]) & set(names)), len(found[1]) == len(names), len(found[1])),
    )
    # One value may be called as a column is; a line of names has a misspelled one at most.
    if 2 * len(set(cells) & set(names)) >= len(cells):
        return CsvHead(delimiter, tuple(cells), len(line) + len(separator), len(cells))
    return CsvHead(delimiter, tuple(names) if len(cells) == len(names) else (), 0, len(cells))


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter), [])]
