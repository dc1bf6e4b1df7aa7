"""The shapes of the tables that a data source has, derived from its file."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.feed import Feed, feed_of
from schemas.mapping.views import hidden_columns
from schemas.model import DataSource, Engine
from schemas.own_names import (
    ERROR,
    ERROR_COLUMN,
    IMPORT_ID,
    INSERTION_DATE,
    KEY,
    METADATA,
    OFFSET,
    OFFSET_INDEX_NAME,
    PARTITION,
    PROVENANCE,
    QUARANTINE_FACTS,
    TIMESTAMP,
    TOPIC,
    TOPIC_ID,
    VALUE,
    quarantine_table,
)
from schemas.sql.text import call, identifier
from schemas.tables.settings import DEDUPLICATION_WINDOW, WINDOW_SETTING, entries, needed_settings
from schemas.tables.shape import ColumnShape, HiddenColumn, IndexShape, Keys, ProjectionShape, TableShape

_HIDDEN = {
    column.name: column
    for column in (
        HiddenColumn(TOPIC, "LowCardinality(String)"),
        HiddenColumn(TOPIC_ID, "LowCardinality(String)"),
        HiddenColumn(PARTITION, "Int32"),
        HiddenColumn(OFFSET, "Int64"),
        HiddenColumn(TIMESTAMP, "DateTime64(3, 'UTC')"),
        HiddenColumn(KEY, "String"),
        HiddenColumn(VALUE, "String"),
    )
}
TOPIC_ID_TYPE = _HIDDEN[TOPIC_ID].type

OFFSET_INDEX = IndexShape(OFFSET_INDEX_NAME, identifier(OFFSET), "minmax", 1)
"""Lets a worker that takes a partition over find the offsets that are stored already without reading the table."""


@dataclass(frozen=True, slots=True)
class SourceShape:
    """The tables of a data source that keep rows. One that takes no events has neither feed nor quarantine."""

    data_source: DataSource
    table: TableShape
    feed: Feed | None
    quarantine: TableShape | None

    @property
    def name(self) -> str:
        return self.data_source.name

    @property
    def takes_events(self) -> bool:
        return self.feed is not None

    def tables(self) -> dict[str, TableShape]:
        """By their names in the database."""
        kept = {self.name: self.table}
        return kept | {quarantine_table(self.name): self.quarantine} if self.quarantine is not None else kept


def shape_of(data_source: DataSource, *, is_target: bool = False) -> SourceShape:
    """The shapes of a data source's tables. `is_target`: views write into it."""
    feed = feed_of(data_source)
    quarantine = _quarantine(data_source) if feed is not None else None
    table = _table(data_source, takes_events=feed is not None, is_target=is_target)
    return SourceShape(data_source, table, feed, quarantine)


def _table(data_source: DataSource, *, takes_events: bool, is_target: bool) -> TableShape:
    """The documented columns, then the hidden ones."""
    engine = data_source.engine
    hidden = tuple(_HIDDEN[name] for name in hidden_columns(data_source)) if takes_events else ()
    indexes = tuple(IndexShape(each.name, each.expression, each.type, each.granularity) for each in data_source.indexes)
    keeps_offsets = takes_events and engine.name != "Null"
    return TableShape(
        columns=tuple(
            ColumnShape(column.name, column.type.text if column.type else "", column.default, column.codec)
            for column in data_source.columns
        ),
        keys=Keys(
            call(engine.name, *_engine_arguments(engine)),
            engine.partition_key or "",
            engine.sorting_key or "",
            engine.primary_key or "",
            engine.sampling_key or "",
        ),
        hidden=hidden,
        indexes=(*indexes, OFFSET_INDEX) if keeps_offsets else indexes,
        projections=tuple(ProjectionShape(each.name, each.columns, each.keys) for each in data_source.projections),
        ttl=engine.ttl or "",
        settings=engine.settings or "",
        needed=tuple(needed_settings(data_source, hidden, takes_events=takes_events, is_target=is_target)),
        takes_events=takes_events,
        is_target=is_target,
        selected_by=data_source.described_by,
    )


def _quarantine(data_source: DataSource) -> TableShape:
    """Tinybird's layout: every documented column as text. The message's own facts it has as they are, hidden."""
    documented = (column for column in data_source.columns if column.name not in {*METADATA, *QUARANTINE_FACTS})
    columns = (
        ColumnShape(ERROR_COLUMN, "Array(String)"),
        ColumnShape(ERROR, "Array(String)"),
        ColumnShape(IMPORT_ID, "Nullable(String)"),
        *(ColumnShape(column.name, "Nullable(String)") for column in documented),
        ColumnShape(INSERTION_DATE, "DateTime"),
    )
    # What the file says of writing to disk before an insert is acknowledged holds for quarantine as well.
    durability = (entry for entry in entries(data_source.engine.settings or "") if entry.startswith("fsync_"))
    return TableShape(
        columns,
        # No partition by time: a batch that is sent again after midnight must meet its own tokens.
        Keys("MergeTree()", sorting_key=", ".join(map(identifier, (TOPIC, PARTITION, OFFSET)))),
        hidden=tuple(_HIDDEN[name] for name in (*PROVENANCE, KEY, VALUE)),
        settings=", ".join((f"{WINDOW_SETTING} = {DEDUPLICATION_WINDOW}", *durability)),
        takes_events=True,
    )


def _engine_arguments(engine: Engine) -> tuple[str, ...]:
    """What stands in the engine's brackets."""
    if engine.name == "ReplacingMergeTree":
        return tuple(filter(None, (engine.version, engine.is_deleted)))
    if engine.name == "SummingMergeTree" and engine.columns:
        return (f"({', '.join(engine.columns)})",)
    if engine.name == "CollapsingMergeTree":
        return tuple(filter(None, (engine.sign,)))
    if engine.name == "VersionedCollapsingMergeTree":
        return tuple(filter(None, (engine.sign, engine.version)))
    if engine.name == "Join":
        return (engine.join_strictness or "ANY", engine.join_type or "LEFT", *engine.key_columns)
    return ()
