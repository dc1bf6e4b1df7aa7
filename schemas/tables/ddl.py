"""The statements that make what ClickHouse holds of a data source: its table, its quarantine, the mapping between."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.feed import feed_of
from schemas.mapping.landing import landing_of
from schemas.mapping.views import hidden_columns, mapping_of
from schemas.model import Column, DataSource, Engine, Index, Projection
from schemas.own_names import (
    CLOSED_CONSTRAINT,
    FENCE_KEY,
    FENCE_TABLE,
    KEY,
    METADATA,
    OFFSET_INDEX_NAME,
    OWNER,
    PROVENANCE,
    QUARANTINE_FACTS,
    TOPIC_ID,
    VALUE,
    incoming,
    passage_tables,
    quarantine_table,
    views,
)
from schemas.sql.expressions import names_in
from schemas.sql.text import call, identifier, literal, qualified
from schemas.tables.stored_zone import stored_type

DEDUPLICATION_WINDOW = 10_000
"""How many blocks back a table knows a token again; an insert makes one in each table partition that it has rows for. A
batch that a worker left half done is sent again when its partition is taken over, at the latest after the group's
session time-out (45 s): at ten inserts a second over three table partitions that is 1,350 blocks later."""

WINDOW_SETTING = "non_replicated_deduplication_window"

COMPACT_SETTING = "min_level_for_wide_part"
"""With 1 an insert writes one file for all columns and the first merge one for each. A file for each column from the
start, which ClickHouse makes of inserts above 10 MiB, costs an insert a fifth more, most of it in the file system, and
is deleted again with the first merge."""

_EVENT_SETTINGS = {
    WINDOW_SETTING: (DEDUPLICATION_WINDOW, "let it know a batch that is sent again"),
    COMPACT_SETTING: (1, "let inserts write one file for all columns"),
}

DIMENSIONS_SETTING = "allow_dimensions_outside_sorting_key"
"""Without it ClickHouse refuses an AggregatingMergeTree with a plain column outside of its sorting key. Tinybird takes
it: of the rows that a merge makes one of, any may give its value."""

LOW_CARDINALITY_SETTING = "allow_suspicious_low_cardinality_types"
"""Without it ClickHouse refuses LowCardinality of anything but texts. It is a setting of the statement alone."""

HIDDEN_TYPES = {
    "__topic": "LowCardinality(String)",
    "__topic_id": "LowCardinality(String)",
    "__partition": "Int32",
    "__offset": "Int64",
    "__timestamp": "DateTime64(3, 'UTC')",
    "__key": "String",
    "__value": "String",
}
PROJECTION_SETTINGS = {"lightweight_mutation_projection_mode": "'drop'"}
"""What a table with projections needs to be set. A `DELETE FROM` is refused without it (a replay makes some), and with
`rebuild` the deleted rows are still answered from the projection (tried on 26.9): `drop` answers rightly."""

MERGING_PROJECTION_SETTINGS = {"deduplicate_merge_projection_mode": "'rebuild'"}
"""What it needs besides where merges take rows away or together, as all engines but MergeTree do."""

OFFSET_INDEX = Index(OFFSET_INDEX_NAME, "`__offset`", "minmax", 1)
"""Lets a worker that takes a partition over find the offsets that are stored already without reading the table."""


@dataclass(frozen=True, slots=True)
class MappingDdl:
    """The mapping of a data source: it holds no data, so that it is replaced whole. `fingerprint` names its content.

    `replacing` suits any state in between, and is to be done while the landing table is closed; `naming` comes last.
    """

    data_source: str
    landing: str
    fingerprint: str
    closing: str
    replacing: tuple[str, ...]
    opening: str
    naming: str

    @property
    def statements(self) -> tuple[str, ...]:
        return (self.closing, *self.replacing, self.opening, self.naming)


def table_ddl(data_source: DataSource, database: str, *, names_zone: bool = False) -> str:
    """CREATE TABLE of the data source's own table: the documented columns, then the hidden ones. `names_zone`: times
    are written with UTC as their zone, for a server that is in another."""
    lines = [column_ddl(column, names_zone=names_zone) for column in data_source.columns]
    lines += [line for name in hidden_columns_of(data_source) for line in hidden_ddl(name)]
    lines += [index_ddl(index) for index in indexes_of(data_source)]
    lines += [projection_ddl(projection) for projection in data_source.projections]
    return _create_table(database, data_source.name, lines, engine_ddl(data_source))


def event_settings(data_source: DataSource) -> dict[str, tuple[int, str]]:
    """The settings that a table which takes events needs, each with its value and what it is for; none for a table
    that takes none or keeps none."""
    takes_events = feed_of(data_source) is not None and data_source.engine.name not in ("Null", "Join")
    return _EVENT_SETTINGS if takes_events else {}


def quarantine_ddl(data_source: DataSource, database: str, *, names_zone: bool = False) -> str:
    """CREATE TABLE of the quarantine, in Tinybird's layout, with the raw message and its provenance hidden.
    `names_zone` as for `table_ddl`."""
    columns = quarantine_columns(data_source)
    visible = {name: stored_type(kind) if names_zone else kind for name, kind in columns}
    lines = [f"{identifier(name)} {kind}" for name, kind in visible.items()]
    lines += [line for name in (*PROVENANCE, KEY, VALUE) if name not in visible for line in hidden_ddl(name)]
    settings = [f"{WINDOW_SETTING} = {DEDUPLICATION_WINDOW}", *_durability(data_source.engine)]
    engine = (
        # No partition by time: a batch that is sent again after midnight must meet its own tokens.
        f"ENGINE = MergeTree() ORDER BY (`__topic`, `__partition`, `__offset`)\nSETTINGS {', '.join(settings)}"
    )
    return _create_table(database, quarantine_table(data_source.name), lines, engine)


def _durability(engine: Engine) -> list[str]:
    """What the file's ENGINE_SETTINGS say of writing to disk before an insert is acknowledged: it holds for quarantine
    as well."""
    return [entry.strip() for entry in (engine.settings or "").split(",") if entry.strip().startswith("fsync_")]


def fence_ddl(database: str) -> str:
    """CREATE TABLE of who owns which partition, shared by all data sources of a database."""
    columns = ["`key` String", "`owner` UInt64"]
    return _create_table(
        database, FENCE_TABLE, columns, "ENGINE = Join(ANY, LEFT, `key`) SETTINGS join_any_take_last_row = 1"
    )


def mapping_ddl(data_source: DataSource, database: str) -> MappingDdl | None:
    """The mapping of a data source, made anew; None when it takes no events.

    The landing table is closed first and opened last: a message that came while a view is missing would be lost
    without a word, since that table stores nothing. `DROP` and `CREATE` in this order suit any state in between.
    """
    feed = feed_of(data_source)
    if feed is None:
        return None
    name, landing = data_source.name, landing_of(feed)
    carried = {column: kind for column, kind in landing.columns if column not in (FENCE_KEY, OWNER)}
    carried[TOPIC_ID] = HIDDEN_TYPES[TOPIC_ID]
    _, parsed, accepted, rejected, doubtful = passage_tables(name)
    sql = mapping_of(data_source, carried, *(qualified(database, table) for table in passage_tables(name)))
    parse, accept, reject, doubt, store, explain, store_again, explain_again = views(name)
    quarantine = quarantine_table(name)
    between = [f"{identifier(k)} {v}" for k, v in sql.parsed_columns.items()]
    creates = (
        _create_table(database, landing.table, _landing_lines(name, landing.columns, database), "ENGINE = Null"),
        *(_create_table(database, table, between, "ENGINE = Null") for table in (parsed, accepted, rejected, doubtful)),
        *(
            _view(database, view, target, _guarded(select, database, target, filled) + settings)
            for view, target, select, filled, settings in (
                (store, name, sql.store, stored_columns(data_source), ""),
                (explain, quarantine, sql.explain, quarantined_columns(data_source), ""),
                (store_again, name, sql.store_again, stored_columns(data_source), sql.settings),
                (explain_again, quarantine, sql.explain_again, quarantined_columns(data_source), sql.settings),
            )
        ),
        _view(database, accept, accepted, sql.accept),
        _view(database, reject, rejected, sql.reject),
        _view(
            database,
            doubt,
            doubtful,
            f"{sql.doubt} AND {_are_there(database, store_again, explain_again)}",
        ),
        _view(database, parse, parsed, sql.parse),
    )
    fingerprint = hashlib.sha256("\n".join(creates).encode()).hexdigest()[:16]
    door = qualified(database, landing.table)
    return MappingDdl(
        data_source=name,
        landing=landing.table,
        fingerprint=fingerprint,
        closing=door_ddl(name, database, holder=1),
        replacing=(
            *(f"DROP VIEW IF EXISTS {qualified(database, view)} SYNC" for view in views(name)),
            *(f"DROP TABLE IF EXISTS {qualified(database, table)} SYNC" for table in reversed(passage_tables(name))),
            *creates,
        ),
        opening=door_ddl(name, database, holder=OPEN),
        naming=f"ALTER TABLE {door} MODIFY COMMENT {literal(fingerprint)}",
    )


def _guarded(select: str, database: str, table: str, columns: Iterable[str]) -> str:
    """A view's SELECT that fails, before it stores anything, when its target is without one of these columns:
    ClickHouse itself leaves out what has no column there, without a word. It is looked up once an insert."""
    missing = (call("NOT hasColumnInTable", literal(database), literal(table), literal(name)) for name in columns)
    said = f"{table} is without a column that is to be filled"
    return f"{select}\nWHERE throwIf({' OR '.join(missing)}, {literal(said)}) = 0"


def _are_there(database: str, *wanted: str) -> str:
    """SQL that is true, and fails where one of these views is missing (UNKNOWN_TABLE, whatever the column). Those who
    insert see a missing view by the number of tables that rows went to, but for rows that go through one more."""
    return " AND ".join(
        f"{call('hasColumnInTable', literal(database), literal(view), literal(''))} IN (0, 1)" for view in wanted
    )


def stored_columns(data_source: DataSource) -> tuple[str, ...]:
    """The columns of a data source's table that events fill; of the hidden ones those that keep the value."""
    return (*(column.name for column in data_source.columns), *hidden_columns_of(data_source))


def quarantined_columns(data_source: DataSource) -> tuple[str, ...]:
    """The same of its quarantine."""
    shown = tuple(name for name, _ in quarantine_columns(data_source))
    return (*shown, *(name for name in (*PROVENANCE, KEY, VALUE) if name not in shown))


OPEN = 0
"""What stands in the fence table for an open door; no row means the same. Anything else closes it and names who did."""


def door_ddl(data_source: str, database: str, *, holder: int) -> str:
    """Open or close the landing table of a data source: a row of the fence table that its constraint looks at (a Null
    table's constraints cannot be altered)."""
    return f"INSERT INTO {qualified(database, FENCE_TABLE)} VALUES ({literal(data_source)}, {holder})"


def door_opening_ddl(data_source: str, database: str, *, holder: int) -> str:
    """Open it if `holder` is still who holds it closed: one that slept and was taken for dead must not."""
    held = call("joinGet", literal(f"{database}.{FENCE_TABLE}"), literal("owner"), literal(data_source))
    return (
        f"INSERT INTO {qualified(database, FENCE_TABLE)} (`key`, `owner`)"
        f" SELECT {literal(data_source)}, {OPEN} WHERE {held} = {holder}"
    )


def column_ddl(column: Column, *, names_zone: bool = False) -> str:
    parts = [identifier(column.name)]
    if column.type is not None:
        parts.append(stored_type(column.type.text) if names_zone else column.type.text)
    if column.default is not None:
        parts.append(f"DEFAULT {column.default}")
    if column.codec is not None:
        parts.append(f"CODEC({column.codec})")
    return " ".join(parts)


def hidden_columns_of(data_source: DataSource) -> tuple[str, ...]:
    """The hidden columns of a data source's table: none when it takes no events."""
    return hidden_columns(data_source) if feed_of(data_source) is not None else ()


def indexes_of(data_source: DataSource) -> tuple[Index, ...]:
    """The skipping indexes of the file, and for a table that takes events the one over its offsets."""
    keeps_offsets = feed_of(data_source) is not None and data_source.engine.name != "Null"
    return (*data_source.indexes, OFFSET_INDEX) if keeps_offsets else data_source.indexes


def hidden_ddl(name: str) -> tuple[str, str]:
    """Two columns: `SELECT *` leaves out both the EPHEMERAL one, which takes the value on insert, and the
    MATERIALIZED one, which stores it (a view may not insert into a MATERIALIZED column)."""
    kind = HIDDEN_TYPES[name]
    came_in = identifier(incoming(name))
    return f"{came_in} {kind} EPHEMERAL", f"{identifier(name)} {kind} MATERIALIZED {came_in}"


def index_ddl(index: Index) -> str:
    text = f"INDEX {identifier(index.name)} {index.expression} TYPE {index.type}"
    return text if index.granularity is None else f"{text} GRANULARITY {index.granularity}"


def projection_ddl(projection: Projection) -> str:
    return f"PROJECTION {identifier(projection.name)} (SELECT {projection.columns} ORDER BY {projection.keys})"


def projection_settings(data_source: DataSource) -> dict[str, str]:
    """The settings that the projections of a data source need, without those that its file writes itself."""
    if not data_source.projections:
        return {}
    merging = {} if data_source.engine.name == "MergeTree" else MERGING_PROJECTION_SETTINGS
    written = data_source.engine.settings or ""
    return {name: value for name, value in {**PROJECTION_SETTINGS, **merging}.items() if name not in written}


def engine_arguments(engine: Engine) -> tuple[str, ...]:
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


def engine_ddl(data_source: DataSource) -> str:
    """The ENGINE clause and all behind it."""
    engine = data_source.engine
    lines = [f"ENGINE = {call(engine.name, *engine_arguments(engine))}"]
    settings = _table_settings(data_source)
    if engine.name not in ("Null", "Join"):
        if engine.partition_key:
            lines.append(f"PARTITION BY ({engine.partition_key})")
        lines.append(f"ORDER BY ({engine.sorting_key or 'tuple()'})")
        for word, clause in (("PRIMARY KEY", engine.primary_key), ("SAMPLE BY", engine.sampling_key)):
            if clause:
                lines.append(f"{word} ({clause})")
        if engine.ttl:
            lines.append(f"TTL {engine.ttl}")
    if settings:
        lines.append(f"SETTINGS {', '.join(settings)}")
    return "\n".join(lines)


def _table_settings(data_source: DataSource) -> list[str]:
    """The file's own settings, and those without which ClickHouse would not take what Tinybird takes."""
    engine = data_source.engine
    is_merge_tree = engine.name not in ("Null", "Join")
    written = (engine.settings or "") if is_merge_tree else ""
    settings = [written] if written else []
    for setting, value, is_needed in (
        (DIMENSIONS_SETTING, 1, _has_dimensions_outside_key(data_source)),
        (LOW_CARDINALITY_SETTING, 1, any(map(_is_low_cardinality_of_numbers, data_source.columns))),
        *((setting, value, True) for setting, (value, _) in event_settings(data_source).items()),
    ):
        if is_needed and setting not in written:
            settings.append(f"{setting} = {value}")
    settings += [f"{name} = {value}" for name, value in projection_settings(data_source).items()]
    return settings


def _is_low_cardinality_of_numbers(column: Column) -> bool:
    pending = [column.type] if column.type is not None else []
    while pending:
        kind = pending.pop()
        if kind.family == "LowCardinality" and kind.bare.family not in ("String", "FixedString"):
            return True
        pending += kind.inner
    return False


def _has_dimensions_outside_key(data_source: DataSource) -> bool:
    if data_source.engine.name != "AggregatingMergeTree":
        return False
    key = names_in(data_source.engine.sorting_key or "")
    plain = {
        column.name
        for column in data_source.columns
        if column.type is None or column.type.family not in ("AggregateFunction", "SimpleAggregateFunction")
    }
    has_measures = len(plain) < len(data_source.columns)
    return has_measures and not {*plain, *hidden_columns_of(data_source)} <= set(key)


def quarantine_columns(data_source: DataSource) -> tuple[tuple[str, str], ...]:
    """(name, type) of the quarantine's visible columns, in Tinybird's order: every documented column as text. The
    message's own facts it has as they are, hidden."""
    documented = (column for column in data_source.columns if column.name not in {*METADATA, *QUARANTINE_FACTS})
    return (
        ("c__error_column", "Array(String)"),
        ("c__error", "Array(String)"),
        ("c__import_id", "Nullable(String)"),
        *((column.name, "Nullable(String)") for column in documented),
        ("insertion_date", "DateTime"),
    )


def _landing_lines(data_source: str, columns: Iterable[tuple[str, str]], database: str) -> list[str]:
    lines = [f"{identifier(column)} {kind}" for column, kind in columns]
    recorded = f"joinGet({literal(f'{database}.{FENCE_TABLE}')}, 'owner', "
    owner = f"{recorded}CAST({identifier(FENCE_KEY)}, 'String'))"
    lines.append(f"CONSTRAINT {identifier(CLOSED_CONSTRAINT)} CHECK {recorded}{literal(data_source)}) = 0")
    lines.append(f"CONSTRAINT {identifier(FENCE_TABLE)} CHECK {identifier(OWNER)} = {owner}")
    return lines


def _create_table(database: str, name: str, lines: list[str], engine: str) -> str:
    body = ",\n    ".join(lines)
    return f"CREATE TABLE IF NOT EXISTS {qualified(database, name)} (\n    {body}\n)\n{engine}"


def _view(database: str, name: str, target: str, select: str) -> str:
    view, into = qualified(database, name), qualified(database, target)
    return f"CREATE MATERIALIZED VIEW IF NOT EXISTS {view} TO {into}\nAS {select}"
