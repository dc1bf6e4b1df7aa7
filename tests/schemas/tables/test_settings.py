"""What a table needs to be set, beside what its file writes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.files.column_type import parse_column_type
from schemas.model import Column, DataSource, Engine, Projection
from schemas.tables.settings import assignments, entries, needed_settings

PROJECTIONS = (Projection("p", "*", "a"),)


def of(engine: Engine, *types: str) -> DataSource:
    return DataSource("x", tuple(Column(f"c{n}", parse_column_type(text)) for n, text in enumerate(types)), engine)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("a=1, b = 2 ,", {"a": "1", "b": "2"}),
        ("storage='hot, cold', b='x=y'", {"storage": "'hot, cold'", "b": "'x=y'"}),
        ("a='open, b=1", {"a": "'open", "b": "1"}),
    ],
)
def test_the_settings_of_a_text(text: str, found: dict[str, str]) -> None:
    assert assignments(text) == found


def test_an_entry_stays_as_it_was_written() -> None:
    assert entries(" a=1 ,b  =  2") == ["a=1", "b  =  2"]


AGGREGATING = Engine("AggregatingMergeTree", sorting_key="c0")
STATE = "AggregateFunction(sum, Int64)"
WINDOW, COMPACT = "non_replicated_deduplication_window", "min_level_for_wide_part"
DROPPING, REBUILDING = "lightweight_mutation_projection_mode", "deduplicate_merge_projection_mode"


@pytest.mark.parametrize(
    ("data_source", "takes_events", "names"),
    [
        (of(Engine(), "Int8"), False, []),
        (of(Engine(), "Int8"), True, [WINDOW, COMPACT]),
        (of(Engine("Null"), "Int8"), True, []),
        (of(Engine(settings=f"{COMPACT}=0"), "Int8"), True, [WINDOW]),
        (of(Engine(settings=f"note='{COMPACT}'"), "Int8"), True, [WINDOW, COMPACT]),
        (of(Engine(), "Array(LowCardinality(Int8))"), False, ["allow_suspicious_low_cardinality_types"]),
        (of(Engine(), "LowCardinality(Nullable(String))"), False, []),
        (of(AGGREGATING, "Int8", STATE), False, []),
        (of(AGGREGATING, "Int8", STATE, "Int8"), False, ["allow_dimensions_outside_sorting_key"]),
        (of(AGGREGATING, "Int8", "Int8"), False, []),
        (replace(of(Engine(), "Int8"), projections=PROJECTIONS), False, [DROPPING]),
        (replace(of(Engine("ReplacingMergeTree"), "Int8"), projections=PROJECTIONS), False, [DROPPING, REBUILDING]),
        (
            replace(of(Engine("SummingMergeTree", settings=f"{REBUILDING}='drop'"), "Int8"), projections=PROJECTIONS),
            False,
            [DROPPING],
        ),
    ],
)
def test_what_is_needed(data_source: DataSource, takes_events: bool, names: list[str]) -> None:
    assert [setting.name for setting in needed_settings(data_source, (), takes_events=takes_events)] == names
