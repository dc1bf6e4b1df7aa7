"""A table is made, or brought from one shape to another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.sql.text import literal
from schemas.tables.deployed import to_comment
from schemas.tables.source_shape import shape_of
from tests.schemas.tables.examples import EVENTS, NULLABLE, changes, deployed, differences, project

WIDER = replace(EVENTS, columns=(EVENTS.columns[0], replace(EVENTS.columns[1], type=NULLABLE)))


def test_a_table_is_made_with_its_shape_in_its_comment() -> None:
    (_, create, *_) = differences(project(EVENTS), {})
    assert create.description == "create the table, MergeTree, 2 columns"
    assert create.statements[0].endswith(f"\nCOMMENT {literal(to_comment(shape_of(EVENTS).table))}")


def test_the_shape_is_noted_behind_what_changed_it() -> None:
    found = differences(project(WIDER), deployed(EVENTS))
    assert [change.description for change in found[:2]] == [
        "the column `size` is `Int32` and should become `Nullable(Int32)`",
        "note what is deployed",
    ]
    note = f"MODIFY COMMENT {literal(to_comment(shape_of(WIDER).table))}"
    assert found[1].statements == (f"ALTER TABLE `db`.`events` {note}",)
    assert found[1].effect is found[0].effect


def test_what_is_refused_leaves_the_comment_alone() -> None:
    found = differences(project(EVENTS), deployed(WIDER))
    assert "note what is deployed" not in [change.description for change in found]


@pytest.mark.parametrize("comment", ["", "mine", '{"birdhouse":{"columns":{"id":["String",null,null]},"keys":{}}}'])
def test_a_table_without_a_readable_comment_is_taken_over(comment: str) -> None:
    tables = deployed(EVENTS)
    tables["events"] = replace(tables["events"], comment=comment, partition_key="id", sorting_key="(`id`, size)")
    assert [said for _, said, _ in changes(EVENTS, tables)] == [
        "add the index `by_id` and build it",
        "add the index `__offset_range` and build it",
    ]
    assert differences(project(EVENTS), tables)[-1].description == "note what is deployed"


def test_a_table_with_another_key_is_not_taken_over() -> None:
    tables = deployed(EVENTS)
    tables["events"] = replace(tables["events"], comment="", partition_key="id", sorting_key="size")
    assert [said for effect, said, _ in changes(EVENTS, tables) if effect == "refused"] == [
        "the sorting key is `size` and should become `id, size`"
    ]
