"""The JSON Schema of a parameter's type."""

from __future__ import annotations

from typing import Any

import pytest

from query_api.questions.json_schemas.parameters import parameter_schema
from schemas.template.parameters import Parameter


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (None, {"type": "string"}),
        ("DateTime", {"type": "string"}),
        ("Date", {"type": "string", "format": "date"}),
        ("UInt8", {"type": "integer", "minimum": 0, "maximum": 255}),
        ("Int32", {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1, "format": "int32"}),
        ("Float32", {"type": "number"}),
        ("Boolean", {"type": "boolean"}),
        ("Array", {"type": "array", "items": {"type": "string"}}),
        ("Array(Float64)", {"type": "array", "items": {"type": "number"}}),
    ],
)
def test_a_type_is_told_with_its_bounds(kind: str | None, schema: dict[str, Any]) -> None:
    assert parameter_schema(Parameter("x", kind)) == schema


def test_the_authors_words_are_told() -> None:
    assert parameter_schema(Parameter("x", "String", description="What it is"))["description"] == "What it is"
