"""The columns of a data source that are filled from JSON, each with how it is filled and when it is right."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.mapping.extraction import Extraction
from schemas.mapping.values.conversion import Conversion, conversion_of, leaf_of, value_type
from schemas.model import Column, ColumnType, DataSource, JsonPath
from schemas.own_names import METADATA, PARSED, STATE
from schemas.sql.text import identifier


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column with a JSONPath and how it is filled."""

    column: Column
    type: ColumnType
    path: JsonPath
    conversion: Conversion

    @property
    def parsed_name(self) -> str:
        return f"{PARSED}{self.column.name}"

    @property
    def state_name(self) -> str:
        return f"{STATE}{self.column.name}"

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


def mapped_columns(data_source: DataSource) -> tuple[tuple[MappedColumn, ...], Extraction]:
    """The columns that are filled from JSON, in the schema's order, and the extraction that they share."""
    own = (column for column in data_source.columns if column.name not in METADATA)
    found = [(column, column.type and value_type(column.type), column.json_path) for column in own]
    filled = [(column, kind, path) for column, kind, path in found if kind is not None and path is not None]
    extraction = Extraction()
    extraction.add(leaf for _, kind, path in filled if (leaf := leaf_of(kind, path)) is not None)
    columns = (MappedColumn(column, kind, path, conversion_of(kind, path, extraction)) for column, kind, path in filled)
    return tuple(columns), extraction
