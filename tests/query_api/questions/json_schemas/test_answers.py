"""The JSON Schema of rows, by what is known of their columns."""

from __future__ import annotations

from query_api.questions.json_schemas.answers import answer_schema, row_schema
from query_api.routes import Columns


def test_columns_that_are_certain_are_required_and_all_there_is() -> None:
    row = row_schema(Columns({"n": ("UInt64",)}, are_certain=True, are_all=True))
    assert (row["required"], row["additionalProperties"]) == (["n"], False)
    assert "description" not in row


def test_a_column_of_several_types_is_any_of_them() -> None:
    row = row_schema(Columns({"n": ("UInt64", "String")}, are_certain=False, are_all=False))
    assert row["properties"]["n"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert row["properties"]["n"]["description"] == "UInt64 or String"
    assert "required" not in row
    assert "usual values" in row["description"]


def test_rows_of_unknown_columns_are_open() -> None:
    row = row_schema(None)
    assert row["additionalProperties"] is True
    assert answer_schema(row)["properties"]["data"] == {"type": "array", "items": row}
