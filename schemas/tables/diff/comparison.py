"""A table in its three forms: as it should be, as it was deployed, and as ClickHouse describes it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from schemas.files.engine import without_brackets
from schemas.sql.text import qualified
from schemas.tables.actual import ActualTable
from schemas.tables.deployed import from_comment
from schemas.tables.shape import ColumnShape, TableShape


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table of a database. `names_zone`: what is made gets UTC as the zone of times that have none."""

    name: str
    database: str
    wanted: TableShape
    deployed: TableShape
    actual: ActualTable
    names_zone: bool = False

    @property
    def alter(self) -> str:
        return f"ALTER TABLE {qualified(self.database, self.name)}"


def deployed_shape(actual: ActualTable, wanted: TableShape) -> TableShape:
    """The shape that the last deploy wrote down. Of a table that no deploy made, what can be read of it, and for the
    rest what is wanted."""
    return from_comment(actual.comment) or _adopted(actual, wanted)


def _adopted(actual: ActualTable, wanted: TableShape) -> TableShape:
    declared = {column.name: column for column in wanted.columns}
    columns = (
        ColumnShape(name, column.type, declared[name].default, declared[name].codec)
        for name, column in actual.columns.items()
        if name in declared
    )
    keys = replace(wanted.keys, partition_key=actual.partition_key, sorting_key=actual.sorting_key)
    if actual.engine != wanted.engine_name:
        keys = replace(keys, engine=actual.engine)
    if plain(actual.sorting_key) == "" and wanted.keys.sorting_key in ("", "tuple()"):
        keys = replace(keys, sorting_key=wanted.keys.sorting_key)
    return replace(wanted, columns=tuple(columns), keys=keys, indexes=(), projections=())


def plain(text: str) -> str:
    """A text without what ClickHouse writes differently: white space, backticks, brackets around the whole."""
    left = "".join(character for character in text if not character.isspace() and character != "`")
    while (inner := without_brackets(left)) != left:
        left = inner
    return left
