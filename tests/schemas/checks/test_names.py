"""Names that are taken twice, that are ours, or that have to be quoted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.checks.names import check_names
from schemas.files.column_type import parse_column_type
from schemas.model import Column, DataSource, JsonPath, Pipe, Place

ID = Column("id", parse_column_type("String"), JsonPath("$.id", ("id",)))
EVENTS, PLAIN = DataSource("e", (ID,)), DataSource("e", (replace(ID, json_path=None),))


def named(name: str, file: str = "f", *, takes_events: bool = True, source: str = "") -> DataSource:
    return replace(EVENTS if takes_events else PLAIN, name=name, place=Place(file), source=source)


@pytest.mark.parametrize(
    ("second", "severity", "message"),
    [
        (named("other"), "", ""),
        (named("e", source="another"), "error", "the name `e` is taken by f"),
        (named("e"), "warning", "the file says the same as f"),
        (Pipe("e", (), source="another"), "error", "the name `e` is taken by f"),
        (named("e_store"), "error", "the name `e_store` is that of a table that belongs to the data source `e`"),
        (
            named("replay_record"),
            "error",
            "the name `replay_record` is that of the record of replays, one of Birdhouse's own",
        ),
        (named("System.x"), "error", "names that begin with `System.` are those of service data sources"),
        (named("E"), "warning", "the name `E` differs from that of f by its case alone"),
        (named("a b"), "error", "`a b` cannot be the name of a data source or pipe"),
        (named("a b", takes_events=False), "warning", "`a b` has to be quoted in SQL and escaped in a URL"),
        (named("a`b", takes_events=False), "error", "`a`b` cannot be the name of a data source or pipe"),
        (named("n" * 151), "error", f"`{'n' * 60}` cannot be the name of a data source or pipe"),
    ],
)
def test_names(second: DataSource | Pipe, severity: str, message: str) -> None:
    sources = [named("e"), *([second] if isinstance(second, DataSource) else [])]
    found = check_names(sources, [second] if isinstance(second, Pipe) else [])
    assert [(problem.severity, problem.message) for problem in found] == ([(severity, message)] if message else [])


def test_without_events_no_name_beside_is_taken() -> None:
    assert list(check_names([named("e", takes_events=False), named("e_store", takes_events=False)], [])) == []
