"""The JSONPaths of a data source as SQL: what its views select, from a raw message to a row or a quarantined one.

The first view parses each message once and converts every column strictly; its result goes through a table that
stores nothing into two more, which take the good rows and the bad ones. These go through one more such table each,
since ClickHouse analyses a view behind another one only once rows come to it: the long SQL of the reasons, a third of
what an insert cost before its first row, costs nothing where all rows are good.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import partial

from schemas.feed import feed_of
from schemas.mapping import framing
from schemas.mapping.extraction import MESSAGE, Extraction, Leaf, json_type
from schemas.mapping.landing import topic_id_of
from schemas.mapping.mapped_columns import MappedColumn, mapped_columns
from schemas.mapping.quarantine import Judged, reasons
from schemas.mapping.second_look import AS_SENT, SENT_MESSAGE, reread
from schemas.mapping.values import json_document
from schemas.mapping.values.conversion import leaf_of
from schemas.mapping.values.exact_text import may_be_out_of_range, may_be_respelled, quote_out_of_range
from schemas.mapping.values.texts import from_text
from schemas.model import Column, ColumnType, DataSource
from schemas.own_names import (
    ERROR,
    ERROR_COLUMN,
    FENCE_KEY,
    FRAMED,
    IMPORT_ID,
    INSERTION_DATE,
    IS_DOUBTFUL,
    IS_RIGHT,
    KEY,
    MAY_BE_STORED,
    METADATA,
    PROVENANCE,
    QUARANTINE_FACTS,
    REASONS,
    TIMESTAMP,
    TOPIC_ID,
    VALUE,
    incoming,
)
from schemas.sql.text import call, identifier, literal

_NEEDS_SECOND = f"({IS_DOUBTFUL} OR {may_be_out_of_range(MESSAGE)})"
_ZONED_TIMESTAMP = f"fromUnixTimestamp64Milli({identifier(TIMESTAMP)}, 'UTC')"


@dataclass(frozen=True, slots=True)
class MappingSql:
    """The SELECTs of the views, and the columns (name → type) of the tables between them. `judged` gives messages with
    whether they may be stored (`__may_be_stored`). `settings` belong behind `parse`, `store_again` and
    `explain_again`."""

    parsed_columns: Mapping[str, str]
    judged: str
    parse: str
    accept: str
    reject: str
    doubt: str
    store: str
    explain: str
    store_again: str
    explain_again: str
    settings: str


def mapping_of(
    data_source: DataSource,
    landing_columns: Mapping[str, str],
    landing: str,
    parsed: str = "",
    accepted: str = "",
    rejected: str = "",
    doubtful: str = "",
) -> MappingSql:
    """The mapping of a data source. `landing_columns` is name → type of the landing table's columns that go on
    (without the fence's); the others are the tables' names as the SQL shall write them."""
    columns, extraction = mapped_columns(data_source)
    carried, is_right, settings = dict(landing_columns), _is_right(columns), _settings(columns)
    skips_frames = framing.skips_frames(data_source)
    unframed = framing.unframed if skips_frames else str
    came = identifier(FRAMED)
    parse = _first_look(data_source, columns, extraction, carried, landing)
    again = partial(_second_look, columns, extraction, carried, unframed(MESSAGE))
    # Only the bytes of a FixedString can be too many: whether a row is right depends on no other text.
    right = f"(SELECT * FROM ({again(AS_SENT, doubtful)}) WHERE {is_right})"
    judge_again = partial(again, AS_SENT - {"String"})
    wrong = f"(SELECT * FROM ({judge_again(doubtful)}) WHERE NOT ({is_right}))"
    read_again = framing.read_as(wrong, quote_out_of_range(unframed(came)))
    explain = partial(_explain, columns, carried, skips_frames=skips_frames)
    of_rejected = f"SELECT * FROM {rejected or f'({parse})'} WHERE"
    settled, doubted = f"({of_rejected} NOT {_NEEDS_SECOND})", f"({of_rejected} {_NEEDS_SECOND})"
    judged = ", ".join((*map(identifier, carried), f"{is_right} AS {MAY_BE_STORED}"))
    return MappingSql(
        parsed_columns=carried | _parsed_columns(columns),
        judged=f"SELECT {judged} FROM {settled}\nUNION ALL SELECT {judged} FROM ({judge_again(doubted)}){settings}",
        parse=parse,
        accept=f"SELECT *\nFROM {parsed}\nWHERE {is_right}",
        reject=f"SELECT *\nFROM {parsed}\nWHERE NOT ({is_right})",
        doubt=f"SELECT *\nFROM {rejected}\nWHERE {_NEEDS_SECOND}",
        store=_store(data_source, columns, carried, accepted, unframed(MESSAGE)),
        explain=explain(framing.read_as(settled, unframed(came)), came) if skips_frames else explain(settled, MESSAGE),
        store_again=_store(data_source, columns, carried, right, quote_out_of_range(unframed(MESSAGE))),
        explain_again=explain(read_again, came),
        settings=settings,
    )


def _parsed_columns(columns: tuple[MappedColumn, ...]) -> dict[str, str]:
    """Name → type of what the first view makes of a message."""
    found = {IS_RIGHT: "UInt8", IS_DOUBTFUL: "UInt8"}
    for column in columns:
        found[column.parsed_name] = column.conversion.type
        if column.is_container:
            found[column.state_name] = "UInt8"
    return found


def _is_right(columns: tuple[MappedColumn, ...]) -> str:
    """SQL over a row that was parsed. What is judged late is not where it is parsed: ClickHouse would analyse the whole
    conversion a second time there."""
    return " AND ".join([IS_RIGHT, *(column.is_right for column in columns if column.is_judged_late)])


def _first_look(
    data_source: DataSource,
    columns: tuple[MappedColumn, ...],
    extraction: Extraction,
    carried: Mapping[str, str],
    landing: str,
) -> str:
    expressions = {name: identifier(name) for name in carried}
    expressions |= {TOPIC_ID: topic_id_of(identifier(FENCE_KEY))} if TOPIC_ID in carried else {}
    expressions |= _parsed(columns)
    texts = [column.path.keys[-1] for column in columns if column.type.bare.family in AS_SENT and column.path.keys]
    expressions[IS_DOUBTFUL] = may_be_respelled(texts)
    expressions[IS_RIGHT] += f"\n        AND NOT {IS_DOUBTFUL}" if texts else ""
    if not framing.skips_frames(data_source):
        return f"{_with(extraction)}{_select(expressions)}\nFROM {landing}"
    expressions[FRAMED] = identifier(FRAMED)
    source = framing.read_as(landing, framing.unframed(identifier(FRAMED)))
    return framing.as_they_came(f"{_with(extraction)}{_select(expressions)}\nFROM {source}")


def _second_look(
    columns: tuple[MappedColumn, ...],
    extraction: Extraction,
    carried: Mapping[str, str],
    unframed: str,
    families: Container[str],
    doubtful: str,
) -> str:
    """`families`: the types whose columns shall be the texts that were sent."""
    expressions = {name: identifier(name) for name in (*carried, FRAMED)} | _parsed(columns)
    as_sent = [column for column in columns if column.type.bare.family in families]
    for column in as_sent:
        if not column.path.keys:
            expressions[column.parsed_name] = from_text(column.type.bare, SENT_MESSAGE)
    texts = {leaf_of(column.type, column.path) for column in as_sent}
    leaves = (leaf for leaf in extraction.leaves if leaf in texts)
    source = reread(doubtful, carried, extraction, leaves, unframed)
    return framing.as_they_came(f"{_select(expressions)}\nFROM {source}")


def _settings(columns: tuple[MappedColumn, ...]) -> str:
    """What a SELECT that parses needs behind it: a view keeps the settings of its SELECT, whoever inserts."""
    if not any(column.type.bare.family == "JSON" for column in columns):
        return ""
    return "\nSETTINGS " + ", ".join(f"{name} = {value}" for name, value in json_document.SETTINGS.items())


def hidden_columns(data_source: DataSource) -> tuple[str, ...]:
    """The provenance that the table keeps out of sight: what the schema does not declare itself."""
    declared = {column.name for column in data_source.columns}
    return tuple(name for name in PROVENANCE if name not in declared)


def _with(extraction: Extraction) -> str:
    definitions = ",\n    ".join(extraction.definitions)
    return f"WITH\n    {definitions}\n" if definitions else ""


def _select(expressions: Mapping[str, str]) -> str:
    return "SELECT\n    " + ",\n    ".join(
        name if expression == (name := identifier(alias)) else f"{expression} AS {name}"
        for alias, expression in expressions.items()
    )


def _parsed(columns: tuple[MappedColumn, ...]) -> dict[str, str]:
    """SQL of the parsed columns, and of what of a row's judgement needs the message."""
    expressions = {}
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
    return expressions


def _store(
    data_source: DataSource,
    columns: tuple[MappedColumn, ...],
    carried: Mapping[str, str],
    accepted: str,
    message: str,
) -> str:
    """`message`: SQL over a row of `accepted`, the message as it was read."""
    expressions = {incoming(name): _provenance(name) for name in hidden_columns(data_source)}
    by_name = {column.column.name: column for column in columns}
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
    columns: tuple[MappedColumn, ...], carried: Mapping[str, str], rejected: str, came: str, *, skips_frames: bool
) -> str:
    """`came`: SQL over a row of `rejected`, the message as it came; `__value` is what was read of it."""
    expressions = {incoming(name): _provenance(name) for name in PROVENANCE}
    expressions |= {incoming(name): identifier(name) for name in (KEY, VALUE) if name in carried}
    expressions |= {incoming(VALUE): came} if VALUE in carried else {}
    judged = (
        Judged(column.column.name, column.type.text, column.path, column.is_required, column.has_value)
        for column in columns
    )
    expressions |= {
        REASONS: reasons(judged, came=came, skips_frames=skips_frames),
        ERROR_COLUMN: f"arrayMap(r -> r.1, {identifier(REASONS)})",
        ERROR: f"arrayMap(r -> r.2, {identifier(REASONS)})",
        IMPORT_ID: "CAST(NULL, 'Nullable(String)')",
    }
    shown = {
        c.column.name: Leaf(c.path.keys, "Nullable(String)") for c in columns if c.column.name not in QUARANTINE_FACTS
    }
    extraction = Extraction()
    extraction.add(leaf for leaf in shown.values() if leaf.keys)
    expressions |= {name: extraction.expression(leaf) if leaf.keys else MESSAGE for name, leaf in shown.items()}
    expressions[INSERTION_DATE] = "now()"
    inner = f"{_with(extraction)}{_select(expressions)}\nFROM {rejected}"
    kept = ", ".join(identifier(name) for name in expressions if name != REASONS)
    return f"SELECT {kept}\nFROM (\n{inner}\n)"


def _provenance(name: str) -> str:
    return _ZONED_TIMESTAMP if name == TIMESTAMP else identifier(name)


def _keeps_raw_value(data_source: DataSource) -> bool:
    """Where the file has KAFKA_ lines, Tinybird fills a declared `__value` only with KAFKA_STORE_RAW_VALUE. A JSONPath
    asks for it as well."""
    has_path = any(column.name == VALUE and column.json_path is not None for column in data_source.columns)
    feed = feed_of(data_source)
    return has_path or (feed is not None and feed.store_raw_value)
