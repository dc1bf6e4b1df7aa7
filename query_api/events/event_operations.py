"""What the OpenAPI document says of sending events."""

from __future__ import annotations

from collections.abc import Iterable

from query_api.events.quarantine import MOST_ERRORS
from query_api.routes import Audience, Object, Operation
from query_api.web.shared_answers import errors

_COUNTS: Object = {name: {"type": "integer"} for name in ("successful_rows", "quarantined_rows")}
_ERROR: Object = {
    "type": "object",
    "required": ["document", "column", "reason"],
    "properties": {
        "document": {"type": "integer", "description": "Its number in the request, from 1."},
        "column": {"type": "string"},
        "reason": {"type": "string"},
        "other_columns": {"type": "array", "items": {"type": "string"}},
    },
}
_ERRORS: Object = {
    "type": "array",
    "maxItems": MOST_ERRORS,
    "items": _ERROR,
    "description": "The first events in quarantine.",
}
_TAKEN: Object = {"type": "object", "required": list(_COUNTS), "properties": {**_COUNTS, "errors": _ERRORS}}
_BODY: Object = {
    "required": True,
    "content": {
        "application/x-ndjson": {"schema": {"type": "string"}},
        "application/json": {"schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}},
    },
}


def event_operations(data_sources: Iterable[str], audience: Audience) -> Iterable[Operation]:
    """One operation for those of the data sources that the audience may send events to; none without any."""
    names = sorted(name for name in data_sources if audience.token.may("APPEND", name))
    return (Operation(_described(names)),) if names else ()


def _described(names: list[str]) -> Object:
    reply = {"application/json": {"schema": _TAKEN}}
    return {
        "operationId": "post_events",
        "summary": "Events",
        "description": "Stores events: JSON objects, one a line, or an array of them.",
        "tags": ["events"],
        "parameters": [
            {"name": "name", "in": "query", "required": True, "schema": {"type": "string", "enum": names}},
            {"name": "wait", "in": "query", "schema": {"type": "boolean", "default": False}},
            {"name": "format", "in": "query", "schema": {"type": "string", "enum": ["ndjson", "json"]}},
        ],
        "requestBody": _BODY,
        "responses": {
            "200": {"description": "The rows can be queried.", "content": reply},
            "202": {"description": "Kafka has stored the events.", "content": reply},
            **errors(),
        },
    }
