"""What the sources of new views hold at the cut, kept in tables of their own that never change, and taken in parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from schemas.sql.text import literal, qualified
from service.deployment.cut.graph import Stored
from service.deployment.door import Door

_UNMERGED = (
    "max_bytes_to_merge_at_max_space_in_pool = 1",
    "max_bytes_to_merge_at_min_space_in_pool = 1",
    "max_number_of_merges_with_ttl_in_pool = 0",
)
"""The settings of a table that ClickHouse never merges, also not to drop rows whose time has come: the parts that a
piece is known by stay what they are."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a table: its condition in SQL, empty for all of it, and how many rows it has."""

    table: str
    condition: str
    rows: int


def prepare_clone(door: Door, source: Stored, clone: str) -> None:
    """Make the table that is to take what the source holds; there is none yet."""
    table, like = qualified(door.database, clone), qualified(door.database, source.name)
    if not source.is_merge_tree:
        door.lock.run(f"CREATE TABLE {table} AS {like} ENGINE = MergeTree ORDER BY tuple()")
    else:
        door.lock.run(f"CREATE TABLE {table} AS {like}")
    door.lock.run(f"ALTER TABLE {table} MODIFY SETTING {', '.join(_UNMERGED)}")


def clone(door: Door, source: Stored, into: str) -> None:
    """Take what the source holds now. Nothing of a MergeTree is copied: both tables share the files of its parts."""
    table, held = qualified(door.database, into), qualified(door.database, source.name)
    if source.is_merge_tree:
        door.lock.run(f"ALTER TABLE {table} ATTACH PARTITION ALL FROM {held}")
    else:
        door.lock.run(f"INSERT INTO {table} SELECT * FROM {held} SETTINGS deduplicate_insert = 'disable'")


def parts_of(client: Client, database: str, table: str, rows_a_piece: int) -> Iterator[Part]:
    """All of a table whose parts stay as they are, in pieces of at most so many rows: some parts, or a range of one."""
    found = client.query(
        "SELECT name, rows FROM system.parts WHERE database = {database:String} AND table = {table:String} AND active"
        " AND rows > 0 ORDER BY partition_id, min_block_number, name",
        parameters={"database": database, "table": table},
    ).result_rows
    together: list[str] = []
    held = 0
    for name, rows in found:
        if together and held + rows > rows_a_piece:
            yield Part(table, _of_parts(together), held)
            together, held = [], 0
        if rows <= rows_a_piece:
            together.append(name)
            held += rows
            continue
        for first in range(0, rows, rows_a_piece):
            last = min(first + rows_a_piece, rows) - 1
            condition = f"{_of_parts([name])} AND _part_offset BETWEEN {first} AND {last}"
            yield Part(table, condition, last - first + 1)
    if together:
        yield Part(table, _of_parts(together), held)


def _of_parts(names: list[str]) -> str:
    return f"_part IN ({', '.join(map(literal, names))})"
