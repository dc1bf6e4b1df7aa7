"""JSON Schemas of whole answers in ClickHouse's format JSON, and of their rows."""

from __future__ import annotations

from query_api.questions.json_schemas.columns import json_schema
from query_api.routes import Columns, Object

OPEN_ROW: Object = {"type": "object", "additionalProperties": True}
_META: Object = {
    "description": "The columns in their order, with their ClickHouse types.",
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "type"],
        "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
    },
}
_STATISTICS: Object = {
    "type": "object",
    "required": ["elapsed", "rows_read", "bytes_read"],
    "properties": {
        "elapsed": {"type": "number", "description": "Seconds."},
        "rows_read": {"type": "integer"},
        "bytes_read": {"type": "integer"},
    },
}
_UNKNOWN_COLUMNS = (
    "ClickHouse could not tell this pipe's columns when the document was made; each answer has them in `meta`."
)
_LIKELY_COLUMNS = "The columns for usual values of the parameters; others can change them: `meta` has each answer's."


def answer_schema(row: Object) -> Object:
    """The schema of an answer with rows of a schema."""
    return {
        "type": "object",
        "required": ["meta", "data", "rows", "statistics"],
        "properties": {
            "meta": _META,
            "data": {"type": "array", "items": row},
            "rows": {"type": "integer"},
            "rows_before_limit_at_least": {
                "type": "integer",
                "description": "How many there were without the LIMIT, of a query that has one.",
            },
            "statistics": _STATISTICS,
        },
    }


def row_schema(columns: Columns | None) -> Object:
    """The schema of a row of these columns; an open one when they are not known."""
    if columns is None:
        return {**OPEN_ROW, "description": _UNKNOWN_COLUMNS}
    row: Object = {"type": "object", "properties": {name: _column(types) for name, types in columns.types.items()}}
    if columns.are_certain:
        row["required"] = list(columns.types)
    else:
        row["description"] = _LIKELY_COLUMNS
    return row | {"additionalProperties": not columns.are_all}


def _column(types: tuple[str, ...]) -> Object:
    schemas = [json_schema(each) for each in types]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {**schema, "description": " or ".join(types)}
