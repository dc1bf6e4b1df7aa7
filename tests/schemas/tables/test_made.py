"""The note of what ClickHouse made, and what of it a change by hand shows by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.own_names import passage_tables, views
from schemas.tables.actual import ActualColumn, ActualTable
from schemas.tables.made import Made, from_note, is_as_made, made_of, to_note

TTL = "MergeTree ORDER BY id TTL at + toIntervalDay(9) SETTINGS non_replicated_deduplication_window = {}"


def tables(**changed: ActualTable) -> dict[str, ActualTable]:
    columns = {"id": ActualColumn("id", "Int64"), "at": ActualColumn("at", "DateTime", "DEFAULT", "now()")}
    made = {
        "x": ActualTable("x", "MergeTree", TTL.format(10_000), columns=columns),
        "x_quarantine": ActualTable(
            "x_quarantine", "MergeTree", columns={"id": ActualColumn("id", "Nullable(String)")}
        ),
    }
    parts = (*passage_tables("x"), *views("x"))
    return made | {part: ActualTable(part, "Null", definition=f"CREATE {part} COMMENT 'a'") for part in parts} | changed


def made(version: str = "26.9", **changed: ActualTable) -> Made:
    return made_of("x", tables(**changed), version)


def test_a_note_comes_back_from_its_comment() -> None:
    assert from_note(to_note(made())) == made()
    for comment in ("", "somebody's", "{}", '{"birdhouse_made": {"version": "1", "tables": {"x": [1]}}}'):
        assert from_note(comment) is None


def test_what_was_made_is_the_same_whatever_its_comments_say() -> None:
    landing = ActualTable("x_landing", "Null", definition="CREATE x_landing COMMENT 'b\\'c'")
    assert is_as_made(made(), made(x_landing=landing))


@pytest.mark.parametrize(
    ("changed", "is_text"),
    [
        (ActualTable("x", "MergeTree", TTL.format(10_000), columns={"id": ActualColumn("id", "Int32")}), False),
        (replace(tables()["x"], engine="Log"), False),
        (replace(tables()["x"], engine_full="MergeTree ORDER BY id"), True),
        (replace(tables()["x"], columns=dict(tables()["x"].columns) | {"at": ActualColumn("at", "DateTime")}), True),
    ],
)
def test_of_another_version_only_names_and_types_are_compared(changed: ActualTable, is_text: bool) -> None:
    assert not is_as_made(made(), made(x=changed))
    assert is_as_made(made(), made("26.10", x=changed)) is is_text
