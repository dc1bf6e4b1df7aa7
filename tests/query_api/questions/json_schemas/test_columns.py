"""The JSON Schema of a ClickHouse type."""

from __future__ import annotations

from typing import Any

import pytest

from query_api.questions.json_schemas.columns import json_schema

INTEGER, TEXT, NUMBER = {"type": "integer"}, {"type": "string"}, {"type": ["null", "number"]}


@pytest.mark.parametrize(
    ("type_name", "schema"),
    [
        ("UInt64", INTEGER),
        ("Int256", INTEGER),
        ("IntervalDay", INTEGER),
        ("Float32", NUMBER),
        ("BFloat16", NUMBER),
        ("Nullable(Float64)", NUMBER),
        ("Decimal(18, 4)", {"type": "number"}),
        ("Nullable(Decimal(9, 2))", NUMBER),
        ("Bool", {"type": "boolean"}),
        ("String", TEXT),
        ("DateTime64(3, 'UTC')", TEXT),
        ("LowCardinality(Nullable(String))", {"type": ["null", "string"]}),
        ("Date", {"type": "string", "format": "date"}),
        ("Enum8('a' = 1, 'it\\'s' = 2)", {"type": "string", "enum": ["a", "it's"]}),
        ("Nullable(Enum8('a' = 1))", {"type": ["null", "string"], "enum": ["a", None]}),
        ("Array(Nullable(Int8))", {"type": "array", "items": {"type": ["integer", "null"]}}),
        ("Map(UInt8, Array(String))", {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}}),
        ("Tuple(UInt8, String)", {"type": "array", "prefixItems": [INTEGER, TEXT], "minItems": 2, "maxItems": 2}),
        ("Variant(UInt8, String)", {"anyOf": [TEXT, INTEGER, {"type": "null"}]}),
        ("SimpleAggregateFunction(sum, UInt64)", INTEGER),
        ("AggregateFunction(uniq, String)", TEXT),
        ("JSON(a UInt8)", {"type": "object"}),
        ("Dynamic", {}),
        ("SomethingNew(3)", {}),
        ("Array(", {}),
        (
            "Tuple(a UInt8, `b c` String)",
            {"type": "object", "required": ["a", "b c"], "properties": {"a": INTEGER, "b c": TEXT}},
        ),
    ],
)
def test_a_type_has_its_schema(type_name: str, schema: dict[str, Any]) -> None:
    assert json_schema(type_name) == schema
