"""What the views of a data source select."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.files.column_type import parse_column_type
from schemas.mapping.views import MappingSql, hidden_columns, mapping_of
from schemas.model import Column, DataSource, JsonPath

LANDING = {"__topic": "String", "__offset": "Int64", "__fence": "String", "__topic_id": "String", "__value": "String"}


def column(name: str, kind: str, default: str | None = None, *, has_path: bool = True) -> Column:
    path = JsonPath(f"$.{name}", (name,)) if has_path else None
    return Column(name, parse_column_type(kind), path, default)


def mapping(*columns: Column) -> MappingSql:
    return mapping_of(DataSource("e", columns), LANDING, "landing", "parsed", "accepted", "rejected", "doubtful")


def selected(sql: str) -> list[str]:
    """The names of a SELECT's columns, line by line."""
    lines = sql.partition("\nFROM ")[0].splitlines()
    return [line.rstrip(",").split("`")[-2] for line in lines[1:]]


def test_what_is_parsed_goes_on_with_the_message_and_what_was_judged() -> None:
    assert mapping(column("n", "Int8"), column("l", "Array(Int8)")).parsed_columns == LANDING | {
        "__is_right": "UInt8",
        "__is_doubtful": "UInt8",
        "__parsed_n": "Nullable(Int8)",
        "__parsed_l": "Array(Int8)",
        "__state_l": "UInt8",
    }


def test_a_row_is_stored_with_where_it_comes_from() -> None:
    assert selected(mapping(column("n", "Int8")).store) == [
        *("__in_topic", "__in_topic_id", "__in_partition", "__in_offset", "__in_timestamp", "n")
    ]


@pytest.mark.parametrize(
    ("declared", "stored"),
    [
        (column("d", "Int8", "1", has_path=False), False),
        (column("d", "Int8", "1"), True),
        (column("__offset", "Int64", has_path=False), True),
        (column("__key", "String", has_path=False), False),
    ],
)
def test_what_the_table_fills_by_itself_is_left_to_it(declared: Column, stored: bool) -> None:
    assert (declared.name in selected(mapping(column("n", "Int8"), declared).store)) is stored


def test_a_default_that_another_column_needs_is_filled_by_the_view() -> None:
    source = column("n", "Int8", "other + 1"), column("other", "Int8", "5", has_path=False)
    assert "other" in selected(mapping(*source).store)


def test_good_bad_and_doubtful_rows_part() -> None:
    sql = mapping(column("n", "Int8"))
    assert sql.accept.startswith("SELECT *\nFROM parsed\nWHERE __is_right AND ")
    assert sql.reject == sql.accept.replace("WHERE ", "WHERE NOT (") + ")"
    assert sql.doubt.startswith("SELECT *\nFROM rejected\nWHERE (__is_doubtful OR ")
    assert "FROM accepted" in sql.store
    assert "doubtful" in sql.store_again


@pytest.mark.parametrize(("kind", "needs"), [("JSON", True), ("Int8", False)])
def test_only_json_needs_settings(kind: str, needs: bool) -> None:
    sql = mapping(column("n", kind))
    assert sql.settings.startswith("\nSETTINGS ") is needs
    assert sql.judged.endswith(sql.settings)


def test_what_the_schema_declares_is_not_hidden() -> None:
    data_source = DataSource("e", (column("n", "Int8"),))
    assert hidden_columns(data_source) == ("__topic", "__topic_id", "__partition", "__offset", "__timestamp")
    declared = replace(data_source, columns=(column("__topic", "String"), column("__key", "String")))
    assert hidden_columns(declared) == ("__topic_id", "__partition", "__offset", "__timestamp")
