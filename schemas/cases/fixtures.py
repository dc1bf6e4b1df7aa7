"""Which file holds the rows that a data source begins a test with."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from schemas.model import DataSource, Place, Problem

FIXTURES = "fixtures"
"""What the folders are called that fixtures lie in: that of the project, or (in Classic) that of its data sources."""

Kind = Literal["ndjson", "csv", "sql"]
# Of several for one data source the first of these is loaded, as in Tinybird, which writes the NDJSON of an `.sql`.
_KINDS: tuple[Kind, ...] = ("ndjson", "csv", "sql")


@dataclass(frozen=True, slots=True)
class Fixture:
    """The rows of a data source: events a line (`ndjson`), `csv`, or what a SELECT gives (`sql`). `file` is the path in
    the project."""

    data_source: str
    path: Path
    file: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Fixtures:
    """By data source, and what is wrong with the folder."""

    by_data_source: Mapping[str, Fixture]
    problems: tuple[Problem, ...]


def find_fixtures(folder: Path, data_sources: Mapping[str, DataSource]) -> Fixtures:
    """The fixtures of a project."""
    found: dict[str, Fixture] = {}
    problems: list[Problem] = []
    for path in sorted(_files(folder), key=lambda path: (_KINDS.index(_kind(path)), path)):
        file = path.relative_to(folder).as_posix()
        name = path.stem
        if name not in data_sources:
            text, hint = f"there is no data source `{name}`", _closest(name, data_sources)
            problems.append(Problem(Place(file), text, hint, severity="warning"))
        elif name in found:
            text = f"it is not loaded: the rows of `{name}` are in {found[name].file}"
            problems.append(Problem(Place(file), text, severity="warning"))
        else:
            found[name] = Fixture(name, path, file, _kind(path))
    return Fixtures(found, tuple(problems))


def _files(folder: Path) -> Iterator[Path]:
    for parent in sorted(folder.rglob(FIXTURES)):
        parts = parent.relative_to(folder).parts
        if parent.is_dir() and not any(part.startswith(".") or part == "node_modules" for part in parts):
            yield from (path for path in parent.iterdir() if path.suffix[1:] in _KINDS and path.is_file())


def _kind(path: Path) -> Kind:
    return next(kind for kind in _KINDS if path.suffix == f".{kind}")


def _closest(name: str, known: Iterable[str]) -> str:
    close = next(iter(difflib.get_close_matches(name, list(known), 1)), "")
    return f"did you mean `{close}`?" if close else "a fixture is named after its data source"
