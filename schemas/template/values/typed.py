"""What template functions return: values that remember their ClickHouse type, and pieces of SQL around them."""

from __future__ import annotations

from dataclasses import dataclass


class TypedInteger(int):
    """A whole number of a ClickHouse type; arithmetic makes it a plain one again, as in Tinybird."""

    clickhouse_type = "Int64"


class TypedFloat(float):
    """A floating-point number of a ClickHouse type."""

    clickhouse_type = "Float64"


class TypedArray(list[object]):
    """The elements of `Array(x, 'T')`, each already of that type."""

    def __init__(self, elements: list[object], element_type: str) -> None:
        super().__init__(elements)
        self.element_type = element_type


@dataclass(frozen=True, slots=True)
class Identifier:
    """One part of a name, bound as `{p1:Identifier}`."""

    name: str


@dataclass(frozen=True, slots=True)
class Fragment:
    """SQL that the template's author wrote, as text, with values to bind in between."""

    pieces: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class SqlText:
    """A piece of a Fragment that stands in the SQL as it is. Never made from a value."""

    text: str


INTEGER_BITS = (8, 16, 32, 64, 128, 256)
INTEGER_TYPES: dict[str, type[TypedInteger]] = {
    name: type("Integer", (TypedInteger,), {"clickhouse_type": name})
    for bits in INTEGER_BITS
    for name in (f"Int{bits}", f"UInt{bits}")
}
FLOAT_TYPES: dict[str, type[TypedFloat]] = {
    name: type("Float", (TypedFloat,), {"clickhouse_type": name}) for name in ("Float32", "Float64")
}


def integer_range(type_name: str) -> tuple[int, int]:
    """The least and the greatest value of a ClickHouse integer type."""
    bits = int(type_name.lstrip("UInt"))
    if type_name.startswith("U"):
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
