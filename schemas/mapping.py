"""The JSONPaths of a data source as SQL: what its views select, from a raw message to a row or a quarantined one.

The first view parses each message once and converts every column strictly; its result goes through a table that
stores nothing into two more, which take the good rows and the bad ones. These go through one more such table each,
since ClickHouse analyses a view behind another one only once rows come to it: the long SQL of the reasons, a third of
what an insert cost before its first row, costs nothing where all rows are good.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from schemas import framing, json_document
from schemas.conversion import Conversion, conversion_of, leaf_of, value_type
from schemas.extraction import MESSAGE, Extraction, Leaf, json_type
from schemas.feed import feed_of
from schemas.framing import FRAMED
from schemas.landing import (
    FENCE_KEY,
    HEADERS,
    KEY,
    OFFSET,
    PARTITION,
    PROVENANCE,
    TIMESTAMP,
    TOPIC,
    TOPIC_ID,
    VALUE,
    topic_id_of,
)
from schemas.model import Column, ColumnType, DataSource, JsonPath
from schemas.quarantine import QUARANTINE_FACTS, Judged, reasons
from schemas.sql import call, identifier, literal

METADATA = frozenset({TOPIC, PARTITION, OFFSET, TIMESTAMP, KEY, VALUE, HEADERS})
"""Columns that a schema may declare to have the message's own facts as ordinary columns. A JSONPath of theirs counts
for nothing: what is stored under these names is how messages are found again."""

IS_RIGHT = "__is_right"
INTERNAL_NAME = re.compile(
    r"__(is_right|reasons|framed|(parsed|state|leaf|extracted)_.*|topic_id|in_(topic|topic_id|partition|offset|timestamp))"
)
"""Names that the views use for themselves: no column can have one."""

_ZONED_TIMESTAMP = f"fromUnixTimestamp64Milli({identifier(TIMESTAMP)}, 'UTC')"


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column with a JSONPath and how it is filled."""

    column: Column
    type: ColumnType
    path: JsonPath
    conversion: Conversion

    @property
    def parsed_name(self) -> str:
        return f"__parsed_{self.column.name}"

    @property
    def state_name(self) -> str:
        return f"__state_{self.column.name}"

    @property
    def is_required(self) -> bool:
        """Whether a missing or null value sends the row to quarantine."""
        return not self.type.is_nullable and self.column.default is None

    @property
    def is_judged_late(self) -> bool:
        """Whether the parsed value alone says if the column is right, and is more than a text out of the message."""
        return self.is_required and not self.is_container and self.type.bare.family != "String"

    @property
    def is_container(self) -> bool:
        """A container cannot be NULL: whether it is absent, right or wrong is kept in a column of its own."""
        return self.conversion.is_right is not None

    @property
    def state(self) -> str:
        """SQL: of a container, 0 when it is absent, 1 when it is right, 2 when it is wrong."""
        return f"multiIf({self.conversion.is_right}, 1, {self.conversion.is_absent}, 0, 2)"

    @property
    def is_absent(self) -> str:
        """SQL over the parsed columns of a row that is right: whether there is nothing to store but the DEFAULT."""
        return f"{identifier(self.state_name)} = 0" if self.is_container else f"isNull({identifier(self.parsed_name)})"

    @property
    def has_value(self) -> str:
        """SQL over the parsed columns: whether the message holds a value of the column's type."""
        if self.is_container:
            return f"{identifier(self.state_name)} = 1"
        return f"isNotNull({identifier(self.parsed_name)})"

    @property
    def is_right(self) -> str:
        """SQL over the parsed columns and the message: whether the row may be stored as far as this column goes."""
        if self.is_container:
            return self.has_value if self.is_required else f"{identifier(self.state_name)} != 2"
        return self.has_value if self.is_required else f"({self.conversion.is_absent} OR {self.has_value})"


@dataclass(frozen=True, slots=True)
class MappingSql:
    """The SELECTs of the views, and the columns (name → type) of the tables between them. `is_right` is SQL over
    these: whether a row may be stored."""

    parsed_columns: Mapping[str, str]
    is_right: str
    parse: str
    accept: str
    reject: str
    store: str
    explain: str


def mapped_columns(data_source: DataSource) -> tuple[tuple[MappedColumn, ...], Extraction]:
    """The columns that are filled from JSON, in the schema's order, and the extraction that they share."""
    own = (column for column in data_source.columns if column.name not in METADATA)
    found = [(column, column.type and value_type(column.type), column.json_path) for column in own]
    filled = [(column, kind, path) for column, kind, path in found if kind is not None and path is not None]
    extraction = Extraction()
    extraction.add(leaf for _, kind, path in filled if (leaf := leaf_of(kind, path)) is not None)
    columns = (MappedColumn(column, kind, path, conversion_of(kind, path, extraction)) for column, kind, path in filled)
    return tuple(columns), extraction


def mapping_of(
    data_source: DataSource, landing_columns: Mapping[str, str], landing: str, parsed: str, accepted: str, rejected: str
) -> MappingSql:
    """The mapping of a data source. `landing_columns` is name → type of the landing table's columns that go on
    (without the fence's); the others are the tables' names as the SQL shall write them."""
    columns, extraction = mapped_columns(data_source)
    carried = dict(landing_columns)
    parsed_columns = carried | {IS_RIGHT: "UInt8"}
    for column in columns:
        parsed_columns[column.parsed_name] = column.conversion.type
        if column.is_container:
            parsed_columns[column.state_name] = "UInt8"
    # Not judged where it is parsed: ClickHouse would analyse the whole conversion a second time there.
    late = [column.is_right for column in columns if column.is_judged_late]
    is_right = " AND ".join([IS_RIGHT, *late])
    return MappingSql(
        parsed_columns=parsed_columns,
        is_right=is_right,
        parse=_parse(columns, extraction, tuple(carried), landing, skips_frames=framing.skips_frames(data_source)),
        accept=f"SELECT *\nFROM {parsed}\nWHERE {is_right}",
        reject=f"SELECT *\nFROM {parsed}\nWHERE NOT ({is_right})",
        store=_store(data_source, columns, carried, accepted),
        explain=_explain(columns, carried, rejected, skips_frames=framing.skips_frames(data_source)),
    )


def hidden_columns(data_source: DataSource) -> tuple[str, ...]:
    """The provenance that the table keeps out of sight: what the schema does not declare itself."""
    declared = {column.name for column in data_source.columns}
    return tuple(name for name in PROVENANCE if name not in declared)


def incoming(hidden: str) -> str:
    """The EPHEMERAL column through which the value of a hidden one comes in."""
    return "__in" + hidden.removeprefix("_")


def _with(extraction: Extraction) -> str:
    definitions = ",\n    ".join(extraction.definitions)
    return f"WITH\n    {definitions}\n" if definitions else ""


def _select(expressions: Mapping[str, str]) -> str:
    return "SELECT\n    " + ",\n    ".join(
        name if expression == (name := identifier(alias)) else f"{expression} AS {name}"
        for alias, expression in expressions.items()
    )


def _parse(
    columns: tuple[MappedColumn, ...],
    extraction: Extraction,
    carried: tuple[str, ...],
    landing: str,
    *,
    skips_frames: bool,
) -> str:
    expressions = {name: identifier(name) for name in carried}
    expressions |= {TOPIC_ID: topic_id_of(identifier(FENCE_KEY))} if TOPIC_ID in carried else {}
    for column in columns:
        expressions[column.parsed_name] = column.conversion.value
        if column.is_container:
            expressions[column.state_name] = column.state
    conditions = [f"(startsWith({MESSAGE}, '{{') OR {json_type(())} = 'Object')"]
    if not any(column.is_required and column.path.keys for column in columns):
        # Every leaf of an invalid message is NULL; where no column insists on a value, that alone would pass.
        present = [f"NOT {column.conversion.is_absent}" for column in columns if column.path.keys]
        conditions.append(f"({' OR '.join([*present, call('isValidJSON', MESSAGE)])})")
    expressions[IS_RIGHT] = "\n        AND ".join(
        [*conditions, *(column.is_right for column in columns if not column.is_judged_late)]
    )
    if skips_frames:
        expressions[FRAMED] = identifier(FRAMED)
    source = framing.without_frames(landing) if skips_frames else landing
    select = f"{_with(extraction)}{_select(expressions)}\nFROM {source}"
    if skips_frames:
        select = framing.with_frames(select)
    if any(column.type.bare.family == "JSON" for column in columns):
        # A view keeps the settings of its SELECT, whoever inserts.
        select += "\nSETTINGS " + ", ".join(f"{name} = {value}" for name, value in json_document.SETTINGS.items())
    return select


def _store(
    data_source: DataSource, columns: tuple[MappedColumn, ...], carried: Mapping[str, str], accepted: str
) -> str:
    expressions = {incoming(name): _provenance(name) for name in hidden_columns(data_source)}
    by_name = {column.column.name: column for column in columns}
    message = framing.unframed(MESSAGE) if framing.skips_frames(data_source) else MESSAGE
    for declared in data_source.columns:
        if declared.name in by_name:
            expressions[declared.name] = _stored(by_name[declared.name], message)
        elif declared.name in METADATA and declared.name in carried:
            is_kept = declared.name != VALUE or _keeps_raw_value(data_source)
            expressions[declared.name] = _provenance(declared.name) if is_kept else "''"
        elif declared.default is not None and _is_needed(declared, columns):
            expressions[declared.name] = _default(declared, declared.type)
    return f"{_select(expressions)}\nFROM {accepted}"


def _stored(column: MappedColumn, message: str) -> str:
    """What is stored of a row that is right: the value, or for an absent one the DEFAULT (NULL when null was sent)."""
    value = identifier(column.parsed_name)
    if not column.is_container and not column.type.is_nullable:
        value = call("assumeNotNull", value)
    if column.column.default is None:
        return value
    default = _default(column.column, column.type)
    if column.type.is_nullable and column.path.keys:
        was_sent = call("JSONHas", message, *map(literal, column.path.keys))
        default = f"if({was_sent}, NULL, {default})"
    return f"if({column.is_absent}, {default}, {value})"


def _is_needed(declared: Column, columns: tuple[MappedColumn, ...]) -> bool:
    """Whether the view must give a column that the table could fill by itself: its name is in the DEFAULT of a column
    that the view fills. A word too many does no harm."""
    return any(declared.name in (column.column.default or "") for column in columns)


def _default(column: Column, column_type: ColumnType | None) -> str:
    """SQL: the DEFAULT in the column's type. One that comes out as NULL (of another column's) gives the type's own
    default: an error here would stop the whole data source at one message."""
    assert column.default is not None
    if column_type is None:
        return f"({column.default})"
    bare = column_type.bare
    if column_type.is_nullable or bare.inner or bare.family in ("JSON", "AggregateFunction", "SimpleAggregateFunction"):
        return f"CAST({column.default}, {literal(column_type.text)})"
    kept = f"CAST({column.default}, {literal(f'Nullable({bare.text})')})"
    return call("ifNull", kept, call("defaultValueOfTypeName", literal(bare.text)))


def _explain(
    columns: tuple[MappedColumn, ...], carried: Mapping[str, str], rejected: str, *, skips_frames: bool
) -> str:
    expressions = {incoming(name): _provenance(name) for name in PROVENANCE}
    expressions |= {incoming(name): identifier(name) for name in (KEY, VALUE) if name in carried}
    if skips_frames:
        expressions[incoming(VALUE)] = identifier(FRAMED)
    judged = (
        Judged(column.column.name, column.type.text, column.path, column.is_required, column.has_value)
        for column in columns
    )
    expressions |= {
        "__reasons": reasons(judged, skips_frames=skips_frames),
        "c__error_column": "arrayMap(r -> r.1, `__reasons`)",
        "c__error": "arrayMap(r -> r.2, `__reasons`)",
        "c__import_id": "CAST(NULL, 'Nullable(String)')",
    }
    shown = {
        c.column.name: Leaf(c.path.keys, "Nullable(String)") for c in columns if c.column.name not in QUARANTINE_FACTS
    }
    extraction = Extraction()
    extraction.add(leaf for leaf in shown.values() if leaf.keys)
    expressions |= {name: extraction.expression(leaf) if leaf.keys else MESSAGE for name, leaf in shown.items()}
    expressions["insertion_date"] = "now()"
    source = framing.without_frames(rejected) if skips_frames else rejected
    inner = f"{_with(extraction)}{_select(expressions)}\nFROM {source}"
    kept = ", ".join(identifier(name) for name in expressions if name != "__reasons")
    return f"SELECT {kept}\nFROM (\n{inner}\n)"


def _provenance(name: str) -> str:
    return _ZONED_TIMESTAMP if name == TIMESTAMP else identifier(name)


def _keeps_raw_value(data_source: DataSource) -> bool:
    """Where the file has KAFKA_ lines, Tinybird fills a declared `__value` only with KAFKA_STORE_RAW_VALUE. A JSONPath
    asks for it as well."""
    has_path = any(column.name == VALUE and column.json_path is not None for column in data_source.columns)
    feed = feed_of(data_source)
    return has_path or (feed is not None and feed.store_raw_value)
