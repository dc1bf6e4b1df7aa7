"""INDEXES blocks to indexes and problems."""

from __future__ import annotations

import pytest

from schemas.files.indexes import parse_indexes
from schemas.files.lines.datafile import lines_of
from schemas.model import Index, Problem


def parse(text: str) -> tuple[tuple[Index, ...], list[Problem]]:
    problems: list[Problem] = []
    return parse_indexes(lines_of(text, "x.datasource"), problems), problems


@pytest.mark.parametrize(
    ("text", "name", "expression", "kind", "granularity"),
    [
        ("i a TYPE minmax", "i", "a", "minmax", None),
        ("INDEX i a TYPE set(100) GRANULARITY 4", "i", "a", "set(100)", 4),
        ("index `i` lower(a) type bloom_filter(0.01) granularity 1,", "i", "lower(a)", "bloom_filter(0.01)", 1),
        ("i (a, b) TYPE tokenbf_v1(512, 3, 0) GRANULARITY 2", "i", "(a, b)", "tokenbf_v1(512, 3, 0)", 2),
        ("i a + b -- sum\n", None, None, None, None),
        ("type type TYPE minmax -- of a column", "type", "type", "minmax", None),
    ],
)
def test_forms_of_an_index(
    text: str, name: str | None, expression: str | None, kind: str | None, granularity: int | None
) -> None:
    found, problems = parse(f"  # first\n\n    {text}\n")
    if name is None:
        assert [problem.message for problem in problems] == ["this is not understood as an index"]
        return
    (index,) = found
    assert (index.name, index.expression, index.type, index.granularity) == (name, expression, kind, granularity)
    assert str(index.place) == "x.datasource:3:5"


@pytest.mark.parametrize(
    "text",
    [",", "INDEX ,", "i", "i a", "i TYPE minmax", "INDEX i a TYPE", "i a TYPE minmax GRANULARITY " + "9" * 5_000],
)
def test_what_is_no_index(text: str) -> None:
    found, problems = parse(f"{text}\nj a TYPE minmax\n")
    assert [index.name for index in found] == ["j"]
    assert [(problem.place.line, problem.place.column) for problem in problems] == [(1, 1)]
