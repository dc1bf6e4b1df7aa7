"""The settings that a table needs for Birdhouse to work on it, beside those that its file writes."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.files.column_type import split_arguments
from schemas.model import Column, DataSource
from schemas.sql.expressions import names_in
from schemas.tables.shape import UNSORTED_ENGINES, HiddenColumn, Setting

DEDUPLICATION_WINDOW = 10_000
"""How many blocks back a table knows a token again; an insert makes one in each table partition that it has rows for. A
batch that a worker left half done is sent again when its partition is taken over, at the latest after the group's
session time-out (45 s): at ten inserts a second over three table partitions that is 1,350 blocks later."""

WINDOW_SETTING = "non_replicated_deduplication_window"

COMPACT_SETTING = "min_level_for_wide_part"
"""With 1 an insert writes one file for all columns and the first merge one for each. A file for each column from the
start, which ClickHouse makes of inserts above 10 MiB, costs an insert a fifth more, most of it in the file system, and
is deleted again with the first merge."""

DIMENSIONS_SETTING = "allow_dimensions_outside_sorting_key"
"""Without it ClickHouse refuses an AggregatingMergeTree with a plain column outside of its sorting key. Tinybird takes
it: of the rows that a merge makes one of, any may give its value."""

LOW_CARDINALITY_SETTING = "allow_suspicious_low_cardinality_types"
"""Without it ClickHouse refuses LowCardinality of anything but texts. It is a setting of the statement alone."""

DELETING_BESIDE_PROJECTIONS = Setting("lightweight_mutation_projection_mode", "'drop'")
"""What a table with projections needs to be set. A `DELETE FROM` is refused without it (a replay makes some), and with
`rebuild` the deleted rows are still answered from the projection (tried on 26.9): `drop` answers rightly."""

MERGING_BESIDE_PROJECTIONS = Setting("deduplicate_merge_projection_mode", "'rebuild'")
"""What it needs besides where merges take rows away or together, as all engines but MergeTree do."""


@dataclass(frozen=True, slots=True)
class EventSetting:
    """A setting of a table that takes events, and what it is for. `loses`: without it, what is inserted loses."""

    setting: Setting
    purpose: str
    loses: bool


KNOWS_BATCHES = EventSetting(
    Setting(WINDOW_SETTING, str(DEDUPLICATION_WINDOW)), "let it know a batch that is sent again", loses=True
)
"""For a table that views write into, too: a batch that is sent again goes through all of them again."""

EVENT_SETTINGS = (
    KNOWS_BATCHES,
    EventSetting(Setting(COMPACT_SETTING, "1"), "let inserts write one file for all columns", loses=False),
)
"""For a table that takes events and keeps them."""


def assignments(settings: str) -> dict[str, str]:
    """The settings in a text `name = value, …`: name → value as written."""
    pairs = (entry.partition("=") for entry in entries(settings))
    return {name.strip(): value.strip() for name, _, value in pairs}


def entries(settings: str) -> list[str]:
    """The assignments of a text, each as written."""
    try:
        parts = split_arguments(settings)
    except ValueError:  # an open quote or bracket, which ClickHouse will refuse
        parts = settings.split(",")
    return [part.strip() for part in parts if part.strip()]


def needed_settings(
    data_source: DataSource, hidden: tuple[HiddenColumn, ...], *, takes_events: bool, is_target: bool = False
) -> list[Setting]:
    """What the data source's table needs and its file does not write, in the order in which it is made with them."""
    is_merge_tree = data_source.engine.name not in UNSORTED_ENGINES
    needed = []
    if _has_dimensions_outside_key(data_source, hidden):
        needed.append(Setting(DIMENSIONS_SETTING, "1"))
    if any(map(_is_low_cardinality_of_numbers, data_source.columns)):
        needed.append(Setting(LOW_CARDINALITY_SETTING, "1"))
    if takes_events and is_merge_tree:
        needed += [each.setting for each in EVENT_SETTINGS]
    elif is_target and is_merge_tree:
        needed.append(KNOWS_BATCHES.setting)
    written = assignments((data_source.engine.settings or "") if is_merge_tree else "")
    needed += projection_settings(data_source.engine.name) if data_source.projections else ()
    return [setting for setting in needed if setting.name not in written]


def projection_settings(engine: str) -> tuple[Setting, ...]:
    """What a table of this engine needs for its projections."""
    if engine == "MergeTree":
        return (DELETING_BESIDE_PROJECTIONS,)
    return DELETING_BESIDE_PROJECTIONS, MERGING_BESIDE_PROJECTIONS


def _is_low_cardinality_of_numbers(column: Column) -> bool:
    pending = [column.type] if column.type is not None else []
    while pending:
        kind = pending.pop()
        if kind.family == "LowCardinality" and kind.bare.family not in ("String", "FixedString"):
            return True
        pending += kind.inner
    return False


def _has_dimensions_outside_key(data_source: DataSource, hidden: tuple[HiddenColumn, ...]) -> bool:
    if data_source.engine.name != "AggregatingMergeTree":
        return False
    if not data_source.columns:  # what a SELECT gives is not known here
        return True
    key = names_in(data_source.engine.sorting_key or "")
    plain = {
        column.name
        for column in data_source.columns
        if column.type is None or column.type.family not in ("AggregateFunction", "SimpleAggregateFunction")
    }
    has_measures = len(plain) < len(data_source.columns)
    return has_measures and not {*plain, *(column.name for column in hidden)} <= set(key)
