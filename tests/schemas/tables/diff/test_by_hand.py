"""What somebody changed by hand, and what puts it right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from schemas.model import DataSource
from schemas.tables.actual import Actual, ActualColumn, ActualTable
from schemas.tables.change import Change
from schemas.tables.diff.project import diff
from schemas.tables.made import made_of, to_note
from tests.schemas.tables.examples import EVENTS, deployed, project

ALTER = "ALTER TABLE `db`.`events`"
LASTING = replace(EVENTS, engine=replace(EVENTS.engine, ttl="at"))


def noted(data_source: DataSource, version: str = "26.9") -> dict[str, ActualTable]:
    """What was deployed, with the note of it."""
    tables = deployed(data_source)
    if data_source.engine.ttl:
        full = tables["events"].engine_full.replace(" SETTINGS", " TTL at SETTINGS")
        tables["events"] = replace(tables["events"], engine_full=full)
    note = to_note(made_of("events", tables, version))
    return tables | {"events_quarantine": replace(tables["events_quarantine"], comment=note)}


def with_column(table: ActualTable, name: str, **parts: Any) -> ActualTable:
    column = replace(table.columns.get(name, ActualColumn(name, "String")), **parts)
    return replace(table, columns=dict(table.columns) | {name: column})


def found(data_source: DataSource, tables: Mapping[str, ActualTable]) -> list[Change]:
    return [change for change in diff(project(data_source), Actual(tables, version="26.9"), "db") if not change.is_note]


def test_what_is_as_it_was_made_needs_no_change() -> None:
    assert found(EVENTS, noted(EVENTS)) == []


def test_a_column_that_was_dropped_is_said_and_added_again() -> None:
    tables = noted(EVENTS)
    columns = {name: column for name, column in tables["events"].columns.items() if name != "size"}
    tables["events"] = replace(tables["events"], columns=columns)
    changes = found(EVENTS, tables)
    assert [change.description for change in changes] == [
        "add the column `size`",
        "the column `size` was dropped by hand: what is inserted without it would lose its values",
    ]
    assert changes[1].loses


def test_another_type_is_refused_unless_the_file_says_it_too() -> None:
    tables = noted(EVENTS)
    tables["events"] = with_column(tables["events"], "size", type="String")
    (refused,) = found(EVENTS, tables)
    assert (refused.effect.value, refused.loses) == ("refused", True)
    assert f"{ALTER} MODIFY COLUMN `size` Int32" in refused.hint
    changed = replace(EVENTS.columns[1], type=EVENTS.columns[0].type)
    wanted = replace(EVENTS, columns=(EVENTS.columns[0], changed))
    assert "refused" not in [change.effect.value for change in found(wanted, tables)]


@pytest.mark.parametrize(
    ("column", "parts", "statement"),
    [
        ("size", {"default": "7"}, "MODIFY COLUMN `size` Int32 DEFAULT 0 CODEC(ZSTD(1))"),
        ("id", {"default_kind": "DEFAULT", "default": "'x'"}, "MODIFY COLUMN `id` REMOVE DEFAULT"),
        ("__offset", {"default": "1"}, "MODIFY COLUMN `__offset` Int64 MATERIALIZED `__in_offset`"),
        ("__in_offset", {"default_kind": "DEFAULT", "default": "1"}, "MODIFY COLUMN `__in_offset` Int64 EPHEMERAL"),
    ],
)  # fmt: skip
def test_another_default_becomes_that_of_the_file_again(column: str, parts: dict[str, str], statement: str) -> None:
    tables = noted(EVENTS)
    tables["events"] = with_column(tables["events"], column, **parts)
    (change,) = found(EVENTS, tables)
    assert change.statements == (f"{ALTER} {statement}",)
    assert change.loses


def test_a_default_that_the_file_changes_too_is_changed_once() -> None:
    tables = noted(EVENTS)
    tables["events"] = with_column(tables["events"], "size", default="7")
    wanted = replace(EVENTS, columns=(EVENTS.columns[0], replace(EVENTS.columns[1], default="1")))
    texts = [text for change in found(wanted, tables) for text in change.statements]
    assert [text for text in texts if "`size`" in text and text.startswith(f"{ALTER} MODIFY COLUMN")] == [
        f"{ALTER} MODIFY COLUMN `size` Int32 DEFAULT 1 CODEC(ZSTD(1))"
    ]


@pytest.mark.parametrize(("wanted", "changes"), [(LASTING, 1), (EVENTS, 2)])
def test_another_ttl_becomes_that_of_the_file_again_unless_the_file_changes_it_too(
    wanted: DataSource, changes: int
) -> None:
    tables = noted(LASTING)
    full = tables["events"].engine_full.replace("TTL at", "TTL now()")
    tables["events"] = replace(tables["events"], engine_full=full)
    texts = [text for change in found(wanted, tables) for text in change.statements]
    assert len(texts) == changes
    assert texts[0] == (f"{ALTER} MODIFY TTL at" if wanted is LASTING else f"{ALTER} REMOVE TTL")


def test_another_engine_is_refused() -> None:
    tables = noted(EVENTS)
    tables["events_quarantine"] = replace(tables["events_quarantine"], engine="Log")
    (refused,) = found(EVENTS, tables)
    assert (refused.name, refused.description) == (
        "events_quarantine",
        "the engine was MergeTree and is Log by hand",
    )


def test_another_view_has_the_mapping_made_anew_and_a_missing_one_is_no_second_reason() -> None:
    tables = noted(EVENTS)
    tables["events_store"] = replace(tables["events_store"], definition="CREATE another")
    (change,) = found(EVENTS, tables)
    assert change.mapping is not None
    assert change.description.endswith("they were changed by hand")
    del tables["events_store"]
    assert [change.description for change in found(EVENTS, tables)] == ["replace the mapping of messages to rows"]


def test_by_another_version_texts_are_not_compared() -> None:
    tables = noted(EVENTS, version="26.10")
    tables["events"] = with_column(tables["events"], "size", default="7")
    tables["events_store"] = replace(tables["events_store"], definition="CREATE another")
    assert found(EVENTS, tables) == []
