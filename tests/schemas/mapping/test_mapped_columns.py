"""Which columns are filled from JSON, and when a row is right as far as each goes."""

from __future__ import annotations

import pytest

from schemas.files.column_type import parse_column_type
from schemas.mapping.mapped_columns import MappedColumn, mapped_columns
from schemas.model import Column, DataSource, JsonPath


def column(name: str, kind: str, default: str | None = None, *, has_path: bool = True) -> Column:
    path = JsonPath(f"$.{name}", (name,)) if has_path else None
    return Column(name, parse_column_type(kind), path, default)


def mapped(*columns: Column) -> tuple[MappedColumn, ...]:
    return mapped_columns(DataSource("e", columns))[0]


def test_columns_with_a_path_are_filled_but_for_the_messages_own_facts() -> None:
    pathless = column("c", "Int8", "1", has_path=False)
    found = mapped(column("b", "Int8"), column("__offset", "Int64"), column("a", "String"), pathless)
    assert [each.column.name for each in found] == ["b", "a"]
    assert [each.parsed_name for each in found] == ["__parsed_b", "__parsed_a"]


def test_an_aggregate_is_filled_with_the_values_of_its_type() -> None:
    (found,) = mapped(column("a", "SimpleAggregateFunction(sum, UInt64)"))
    assert found.type.text == "UInt64"


def test_columns_at_one_path_share_a_leaf() -> None:
    path = JsonPath("$.x", ("x",))
    kind = parse_column_type("String")
    columns, extraction = mapped_columns(DataSource("e", (Column("a", kind, path), Column("b", kind, path))))
    assert len(columns) == 2
    assert len(extraction.leaves) == 1


@pytest.mark.parametrize(
    ("kind", "default", "required", "late", "container"),
    [
        ("Int8", None, True, True, False),
        ("String", None, True, False, False),
        ("Int8", "1", False, False, False),
        ("Nullable(Int8)", None, False, False, False),
        ("Array(Int8)", None, True, False, True),
        ("Map(String, Int8)", "map()", False, False, True),
    ],
)
def test_when_a_column_is_right(kind: str, default: str | None, required: bool, late: bool, container: bool) -> None:
    (found,) = mapped(column("a", kind, default))
    assert (found.is_required, found.is_judged_late, found.is_container) == (required, late, container)
    assert ("`__state_a`" in found.is_right) is container
    assert ("OR" in found.is_right) is (not required and not container)
