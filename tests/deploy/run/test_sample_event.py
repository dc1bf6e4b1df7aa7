"""The event that the first `curl` sends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from deploy.run.sample_event import sample_event
from schemas.model import Column, ColumnType, DataSource, JsonPath

NOW = datetime(2026, 1, 31, 12, 0, 5, 250_000, UTC)


def column(name: str, column_type: ColumnType, path: str, *keys: str, element: tuple[str, ...] | None = None) -> Column:
    return Column(name, column_type, JsonPath(path, keys, element))


def plain(family: str, *parameters: str) -> ColumnType:
    return ColumnType(family, family, parameters)


@pytest.mark.parametrize(
    ("column_type", "value"),
    [
        (plain("String"), "a"),
        (plain("FixedString", "1"), "a"),
        (plain("UInt8"), 1),
        (plain("Int256"), 1),
        (plain("Float64"), 1.5),
        (plain("Decimal", "9", "2"), 1.5),
        (plain("Bool"), True),
        (plain("DateTime"), "2026-01-31 12:00:05"),
        (plain("DateTime64", "3"), "2026-01-31 12:00:05.250"),
        (plain("Date"), "2026-01-31"),
        (plain("Enum8", "'up' = 1", "'down' = 2"), "up"),
        (plain("IPv4"), "203.0.113.7"),
        (ColumnType("Nullable", "Nullable(UInt8)", (), (plain("UInt8"),)), 1),
        (ColumnType("Array", "Array(String)", (), (plain("String"),)), ["a"]),
        (ColumnType("Map", "Map(String, UInt8)", (), (plain("String"), plain("UInt8"))), {"key": 1}),
    ],
)
def test_a_value_is_of_its_columns_type(column_type: ColumnType, value: object) -> None:
    assert sample_event(DataSource("d", (column("a", column_type, "$.a", "a"),)), NOW) == {"a": value}


def test_values_stand_where_their_paths_say() -> None:
    text = plain("String")
    texts = ColumnType("Array", "Array(String)", (), (text,))
    columns = (
        column("id", text, "$.id", "id"),
        column("city", text, "$.user.address.city", "user", "address", "city"),
        column("whole_user", text, "$.user", "user"),
        column("tags", texts, "$.tags[:]", "tags", element=()),
        column("names", texts, "$.items[:].name", "items", element=("name",)),
        column("prices", texts, "$.items[:].price", "items", element=("price",)),
        column("everything", text, "$"),
        Column("computed", text),
    )
    assert sample_event(DataSource("d", columns), NOW) == {
        "id": "id",
        "user": {"address": {"city": "city"}},
        "tags": ["tags"],
        "items": [{"name": "names", "price": "prices"}],
    }
