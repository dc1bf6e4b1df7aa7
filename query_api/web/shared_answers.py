"""The answers that operations have in common, as the OpenAPI document has them: errors, and headers of each answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

_ERRORS = {
    "400": "A wrong parameter, or an error of the query; ClickHouse's code is in `X-DB-Exception-Code`.",
    "403": "No token, or one that may not do this.",
    "404": "There is no such resource.",
    "408": "The query ran into its time limit.",
    "413": "A value, a body or a result is over its limit.",
    "415": "A multipart form, or a Content-Encoding that is not read.",
    "429": "The signed token's rate is used up.",
    "503": "Too much to do, or a server that cannot be reached.",
}
_HEADERS: Mapping[str, Object] = {
    "Age": {"description": "Seconds since ClickHouse was asked.", "schema": {"type": "integer"}},
    "Cache-Control": {"description": "How long the answer holds.", "schema": {"type": "string"}},
    "ETag": {"description": "Of the answer's bytes, for `If-None-Match`.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer"}},
    "X-DB-Exception-Code": {"description": "ClickHouse's number of the error.", "schema": {"type": "integer"}},
    "X-Query-Id": {
        "description": "The id in ClickHouse of the query that gave the answer, where it is another request's.",
        "schema": {"type": "string"},
    },
    "X-Request-Id": {"description": "The request's id in the log and in ClickHouse.", "schema": {"type": "string"}},
    "X-RateLimit-Limit": {"description": "Requests a second.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "Requests left now.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "Seconds until all are left again.", "schema": {"type": "integer"}},
}
_RATE = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_KEPT = ("Age", "Cache-Control", "ETag")
_ERROR_HEADERS: Mapping[str, tuple[str, ...]] = {
    "400": ("X-DB-Exception-Code",),
    "429": ("Retry-After", *_RATE),
    "503": ("Retry-After",),
}
_ERROR: Object = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "documentation": {"type": "string"}},
}


def errors(*left_out: str) -> Object:
    """The responses of an operation that are errors, but for the statuses that it cannot have."""
    return {status: {"$ref": f"#/components/responses/{status}"} for status in _ERRORS if status not in left_out}


def good_headers(*, is_kept: bool = False) -> Object:
    """The headers of an answer that is no error, with those of one that may be kept for a time."""
    return _headers("X-Request-Id", "X-Query-Id", *_RATE, *(_KEPT if is_kept else ()))


def error_schemas() -> Object:
    """The component schemas of errors."""
    return {"Error": _ERROR}


def error_responses() -> Object:
    """The component responses that `errors` names."""
    return {status: _error(status) for status in _ERRORS}


def headers() -> Object:
    """The component headers of all answers."""
    return dict(_HEADERS)


def _error(status: str) -> Object:
    return {
        "description": _ERRORS[status],
        "headers": _headers("X-Request-Id", *_ERROR_HEADERS.get(status, ())),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _headers(*names: str) -> Object:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
