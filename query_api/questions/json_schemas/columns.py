"""JSON Schemas of values by their ClickHouse type, as ClickHouse's JSON formats write them with this API's settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clickhouse_connect.datatypes.base import ClickHouseType

Object = dict[str, Any]

_INTEGER = re.compile(r"U?Int\d+|Interval\w+")
_NUMBER: Object = {"type": "number"}
_POINT: Object = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}


def json_schema(type_name: str) -> Object:
    """The schema of a column's values; the empty one, which allows everything, for a type nobody here knows."""
    # A seventh of the imports of a start, for a document that is seldom asked for.
    from clickhouse_connect.datatypes.registry import get_from_name
    from clickhouse_connect.driver.exceptions import Error

    try:
        return _schema(get_from_name(type_name))
    # Its parser meets types that are newer than itself; what it then raises differs by where it gives up.
    except (Error, LookupError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _schema(kind: ClickHouseType) -> Object:
    # NaN and infinities are written as null.
    is_null_possible = kind.nullable or "Float" in str(kind.base_type)
    schema = _of_base(kind)
    if not is_null_possible or "type" not in schema:
        return schema
    nullable = {**schema, "type": sorted({schema["type"], "null"})}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable


def _of_base(kind: Any) -> Object:
    base: str = kind.base_type
    if build := _NESTED.get(base):
        return build(kind)
    if base.startswith("Enum"):
        return {"type": "string", "enum": list(kind._name_map)}
    if _INTEGER.fullmatch(base):
        return {"type": "integer"}
    if "Float" in base or base.startswith("Decimal"):
        return dict(_NUMBER)
    return dict(_PLAIN.get(base, {"type": "string"}))


def _tuple(kind: Any) -> Object:
    members = [_schema(member) for member in kind.element_types]
    if kind.element_names:
        names = list(kind.element_names)
        return {"type": "object", "required": names, "properties": dict(zip(names, members, strict=True))}
    count = len(members)
    return {"type": "array", "prefixItems": members, "minItems": count, "maxItems": count}


def _array(members: Object) -> Object:
    return {"type": "array", "items": members}


_NESTED: Mapping[str, Callable[[Any], Object]] = {
    "Array": lambda kind: _array(_schema(kind.element_type)),
    "Nested": lambda kind: _array(_tuple(kind)),
    "Tuple": _tuple,
    "Map": lambda kind: {"type": "object", "additionalProperties": _schema(kind.value_type)},
    "Variant": lambda kind: {"anyOf": [*(_schema(member) for member in kind.element_types), {"type": "null"}]},
    "SimpleAggregateFunction": lambda kind: _schema(kind.element_type),
}
_PLAIN: Mapping[str, Object] = {
    "Bool": {"type": "boolean"},
    "Date": {"type": "string", "format": "date"},
    "Date32": {"type": "string", "format": "date"},
    "UUID": {"type": "string", "format": "uuid"},
    "IPv4": {"type": "string", "format": "ipv4"},
    "IPv6": {"type": "string", "format": "ipv6"},
    "JSON": {"type": "object"},
    "Nothing": {"type": "null"},
    "Point": _POINT,
    "Ring": _array(_POINT),
    "LineString": _array(_POINT),
    "MultiLineString": _array(_array(_POINT)),
    "Polygon": _array(_array(_POINT)),
    "MultiPolygon": _array(_array(_array(_POINT))),
    "QBit": _array({"type": ["null", "number"]}),
    # Whatever was stored.
    "Dynamic": {},
    "Geometry": {},
}
