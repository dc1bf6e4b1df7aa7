"""CREATE TABLE of a shape, and the text of each of its parts."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.own_names import quarantine_table
from schemas.sql.text import identifier, literal, qualified
from schemas.tables.shape import ColumnShape, HiddenColumn, IndexShape, ProjectionShape, TableShape
from schemas.tables.source_shape import SourceShape


def table_ddl(source: SourceShape, database: str, *, names_zone: bool = False) -> str:
    """CREATE TABLE of the data source's own table. `names_zone`: times are written with UTC as their zone, for a
    server that is in another."""
    shape = source.table.in_utc() if names_zone else source.table
    return create_table(database, source.name, shape)


def selected_table_ddl(source: SourceShape, database: str, comment: str, select: str) -> str:
    """CREATE TABLE with the columns that a SELECT gives, and without its rows."""
    clauses = "\n".join((*_clauses(source.table), f"COMMENT {literal(comment)}"))
    return f"CREATE TABLE IF NOT EXISTS {qualified(database, source.name)}\n{clauses}\nEMPTY AS {select}"


def quarantine_ddl(source: SourceShape, database: str, *, names_zone: bool = False) -> str:
    """CREATE TABLE of the quarantine of a data source that takes events. `names_zone` as for `table_ddl`."""
    assert source.quarantine is not None
    shape = source.quarantine.in_utc() if names_zone else source.quarantine
    engine, order, *rest = _clauses(shape)
    return create(database, quarantine_table(source.name), _lines(shape), "\n".join((f"{engine} {order}", *rest)))


def create_table(database: str, name: str, shape: TableShape) -> str:
    """CREATE TABLE of any shape."""
    return create(database, name, _lines(shape), "\n".join(_clauses(shape)))


def create(database: str, name: str, lines: Iterable[str], clauses: str) -> str:
    """CREATE TABLE of what stands between its brackets, line by line, and behind them."""
    body = ",\n    ".join(lines)
    return f"CREATE TABLE IF NOT EXISTS {qualified(database, name)} (\n    {body}\n)\n{clauses}"


def column_ddl(column: ColumnShape) -> str:
    parts = [identifier(column.name)]
    if column.type:
        parts.append(column.type)
    if column.default is not None:
        parts.append(f"DEFAULT {column.default}")
    if column.codec is not None:
        parts.append(f"CODEC({column.codec})")
    return " ".join(parts)


def hidden_ddl(column: HiddenColumn) -> tuple[str, str]:
    """The column that takes the value, and the one that keeps it."""
    came_in = identifier(column.incoming)
    return f"{came_in} {column.type} EPHEMERAL", f"{identifier(column.name)} {column.type} MATERIALIZED {came_in}"


def index_ddl(index: IndexShape, *, if_not_exists: bool = False) -> str:
    word = "INDEX IF NOT EXISTS" if if_not_exists else "INDEX"
    text = f"{word} {identifier(index.name)} {index.expression} TYPE {index.type}"
    return text if index.granularity is None else f"{text} GRANULARITY {index.granularity}"


def projection_ddl(projection: ProjectionShape, *, if_not_exists: bool = False) -> str:
    word = "PROJECTION IF NOT EXISTS" if if_not_exists else "PROJECTION"
    return f"{word} {identifier(projection.name)} (SELECT {projection.columns} ORDER BY {projection.keys})"


def _lines(shape: TableShape) -> list[str]:
    lines = [column_ddl(column) for column in shape.columns]
    lines += [line for column in shape.hidden for line in hidden_ddl(column)]
    lines += [index_ddl(index) for index in shape.indexes]
    lines += [projection_ddl(projection) for projection in shape.projections]
    lines += [f"CONSTRAINT {identifier(each.name)} CHECK {each.check}" for each in shape.constraints]
    return lines


def _clauses(shape: TableShape) -> list[str]:
    """The ENGINE clause and all behind it."""
    keys = shape.keys
    clauses = [f"ENGINE = {keys.engine}"]
    if shape.is_merge_tree:
        if keys.partition_key:
            clauses.append(f"PARTITION BY ({keys.partition_key})")
        clauses.append(f"ORDER BY ({keys.sorting_key or 'tuple()'})")
        for word, key in (("PRIMARY KEY", keys.primary_key), ("SAMPLE BY", keys.sampling_key)):
            if key:
                clauses.append(f"{word} ({key})")
        if shape.ttl:
            clauses.append(f"TTL {shape.ttl}")
    settings = [shape.settings] if shape.settings and shape.is_merge_tree else []
    settings += [f"{setting.name} = {setting.value}" for setting in shape.needed]
    if settings:
        clauses.append(f"SETTINGS {', '.join(settings)}")
    return clauses
