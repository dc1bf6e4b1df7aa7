"""An engine names what the schema has, and sorts by what can be sorted by."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from schemas.checks.engines import check_engine, engine_warnings
from schemas.files.column_type import parse_column_type
from schemas.model import Column, DataSource, Engine

TYPES = {"id": "String", "at": "DateTime", "n": "Nullable(Int8)", "s": "AggregateFunction(sum, Int8)"}


def data_source(engine: Engine, others: Mapping[str, str] | None = None) -> DataSource:
    columns = tuple(Column(name, parse_column_type(kind)) for name, kind in TYPES.items())
    return DataSource("e", columns, engine, others=others or {})


@pytest.mark.parametrize(
    ("engine", "messages"),
    [
        (Engine(sorting_key="at, id"), []),
        (Engine(sorting_key="toDate(at), cityHash64(id) DESC"), []),
        (Engine(sorting_key="idd"), ["the sorting key names the column `idd`, which the schema does not have"]),
        (Engine(ttl="seen + INTERVAL 1 DAY"), ["the TTL names the column `seen`, which the schema does not have"]),
        (
            Engine(partition_key="toYYYYMM(born)"),
            ["the partition key names the column `born`, which the schema does not have"],
        ),
        (Engine("ReplacingMergeTree", sorting_key="id", version="v"), ["'v' column is not present in schema"]),
        (Engine("SummingMergeTree", sorting_key="id", columns=("x", "at")), ["'x' column is not present in schema"]),
        (Engine("Join", key_columns=("k",)), ["'k' column is not present in schema"]),
        (Engine(sorting_key="count()"), ["Sorting key contains the aggregate function 'count'"]),
        (
            Engine(sorting_key="id, n"),
            ["Sorting key contains nullable column 'n'. Nullable columns cannot be used in sorting keys."],
        ),
        (Engine(sorting_key="n", settings="allow_nullable_key=1"), []),
        (Engine(sorting_key="s"), ["Sorting key contains the AggregateFunction column 's'"]),
    ],
)
def test_what_is_wrong_with_an_engine(engine: Engine, messages: list[str]) -> None:
    assert [message for message, _ in check_engine(data_source(engine), takes_events=False)] == messages


@pytest.mark.parametrize(("takes_events", "problems"), [(True, 0), (False, 2)])
def test_hidden_columns_are_there_where_events_are_taken(takes_events: bool, problems: int) -> None:
    engine = Engine(sorting_key="__timestamp, __offset")
    assert len(list(check_engine(data_source(engine), takes_events=takes_events))) == problems


@pytest.mark.parametrize(("others", "problems"), [({"IMPORT_SERVICE": "dynamodb"}, 0), ({"OTHER": "x"}, 1), ({}, 1)])
def test_an_import_brings_columns_of_its_own(others: dict[str, str], problems: int) -> None:
    engine = Engine("ReplacingMergeTree", sorting_key="id", version="_timestamp")
    assert len(list(check_engine(data_source(engine, others), takes_events=False))) == problems


def test_the_nearest_column_is_offered_else_all() -> None:
    ((_, near),) = check_engine(data_source(Engine(sorting_key="idd")), takes_events=False)
    ((_, all_of_them),) = check_engine(data_source(Engine(sorting_key="xyz")), takes_events=False)
    assert (near, all_of_them) == ("did you mean `id`?", "the columns are id, at, n, s")


@pytest.mark.parametrize(("key", "warnings"), [("id, at", 1), ("id", 0), ("toDate(at)", 0)])
def test_a_version_in_the_key_is_hardly_meant(key: str, warnings: int) -> None:
    engine = Engine("ReplacingMergeTree", sorting_key=key, version="at")
    assert len(list(engine_warnings(data_source(engine)))) == warnings
