"""Projections, for which Tinybird's format has no word: they stand in comments, which Tinybird passes over.

`# birdhouse: PROJECTION name (SELECT columns ORDER BY keys)`
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from schemas.files.column_type import split_arguments
from schemas.files.lines.datafile import Line
from schemas.model import DataSource, Problem, Projection
from schemas.sql.expressions import names_in

_MARK = re.compile(r"\s*#\s*birdhouse:\s*", re.IGNORECASE)
_FORM = re.compile(r"PROJECTION\s+(`[^`\\]+`|\w+)\s*\(\s*SELECT\s+(\S.*?)\s+ORDER\s+BY\s+(\S.*)\)\s*", re.IGNORECASE)
# The form is looked for by trying; nobody writes a longer one.
_LONGEST = 10_000
_HINT = "a projection is: # birdhouse: PROJECTION name (SELECT columns ORDER BY keys)"


def parse_projections(lines: Sequence[Line], problems: list[Problem]) -> tuple[Projection, ...]:
    """The projections of a file, one a line; a marked comment that is none becomes a problem."""
    found: list[Projection] = []
    for line in lines:
        mark = _MARK.match(line.text)
        if mark is None:
            continue
        form = _FORM.fullmatch(line.text, mark.end()) if len(line.text) <= _LONGEST else None
        if form is None or not all(map(_is_whole, form.group(2, 3))):
            problems.append(line.problem("this is not understood as a projection", _HINT, column=mark.end() + 1))
            continue
        name, columns, keys = form.groups()
        found.append(Projection(name.strip("`"), columns.strip(), keys.strip(), line.place(mark.end() + 1)))
    return tuple(found)


def check_projections(data_source: DataSource) -> Iterator[tuple[Projection, str, str]]:
    """What is wrong with the projections of a data source: which one, message and hint."""
    columns = [column.name for column in data_source.columns]
    seen: set[str] = set()
    for projection in data_source.projections:
        name = projection.name
        if data_source.engine.name in ("Null", "Join"):
            yield projection, f"a table of the engine {data_source.engine.name} has no projections", "remove the line"
        if name in seen:
            yield projection, f"the projection `{name}` is declared twice", "rename or remove one of them"
        seen.add(name)
        selected = "" if projection.columns == "*" else projection.columns
        for column in names_in(f"{selected}, {projection.keys}"):
            if column not in columns:
                near = get_close_matches(column, columns, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"the columns are {', '.join(columns[:20])}"
                yield projection, f"the projection `{name}` names the column `{column}`, which there is not", hint


def _is_whole(text: str) -> bool:
    """Whether all brackets and quotes of a text are closed, and nothing in it ends the statement or hides its rest."""
    try:
        split_arguments(text)
    except ValueError:
        return False
    return ";" not in text and "--" not in text and "/*" not in text
