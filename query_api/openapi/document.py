"""The OpenAPI 3.1 document of what one token may ask and send."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from query_api.access.auth import AccessToken
from query_api.openapi.answer_columns import Columns
from query_api.openapi.column_schemas import json_schema
from query_api.openapi.parameter_schemas import parameter_schema
from query_api.web.formats import FORMATS, SQL_FORMATS
from schemas.queries.catalog import Endpoint
from schemas.template.parameters import Parameter

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
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer"}},
    "X-DB-Exception-Code": {"description": "ClickHouse's number of the error.", "schema": {"type": "integer"}},
    "X-Request-Id": {"description": "The request's id in the log and in ClickHouse.", "schema": {"type": "string"}},
    "X-RateLimit-Limit": {"description": "Requests a second.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "Requests left now.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "Seconds until all are left again.", "schema": {"type": "integer"}},
}
_RATE = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_ERROR_HEADERS: Mapping[str, tuple[str, ...]] = {
    "400": ("X-DB-Exception-Code",),
    "429": ("Retry-After", *_RATE),
    "503": ("Retry-After",),
}
_OPEN_ROW: Object = {"type": "object", "additionalProperties": True}
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
_ERROR: Object = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "documentation": {"type": "string"}},
}
_UNKNOWN_COLUMNS = (
    "ClickHouse could not tell this pipe's columns when the document was made; each answer has them in `meta`."
)
_LIKELY_COLUMNS = "The columns for usual values of the parameters; others can change them: `meta` has each answer's."


def openapi_document(
    endpoints: Iterable[Endpoint],
    feeds: Iterable[str],
    token: AccessToken,
    columns: Mapping[str, Columns] | None = None,
) -> Object:
    """The document for these endpoints with their columns, events to these data sources, and the token's SQL."""
    columns, paths, schemas = columns or {}, dict[str, Object](), dict[str, Object]()
    for each in endpoints:
        known = columns.get(each.name)
        name = _component(each.name)
        schemas[f"{name}_row"] = _row(known)
        schemas[f"{name}_answer"] = _table({"$ref": f"#/components/schemas/{name}_row"})
        paths |= _endpoint_paths(each, token, known)
    if token.may_send_sql():
        schemas["sql_answer"] = _table(_OPEN_ROW)
        paths["/v0/sql"] = _sql()
    if names := sorted(feeds):
        paths["/v0/events"] = {"post": _events(names)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Birdhouse", "version": "0", "description": "Endpoints and data sources of this project."},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"query": []}],
        "tags": [{"name": "pipes"}, {"name": "sql"}, {"name": "events"}],
        "paths": paths,
        "components": {
            "schemas": {"Error": _ERROR, **schemas},
            "responses": {status: _error(status) for status in _ERRORS},
            "headers": dict(_HEADERS),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
    }


def _row(columns: Columns | None) -> Object:
    if columns is None:
        return {**_OPEN_ROW, "description": _UNKNOWN_COLUMNS}
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


def _table(row: Object) -> Object:
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


def _component(pipe: str) -> str:
    """A pipe's name with what OpenAPI allows in names of components: a file may be called `copy (1).pipe`."""
    return re.sub(r"[^A-Za-z0-9._-]", lambda match: f"_{ord(match[0]):x}", pipe)


def _endpoint_paths(endpoint: Endpoint, token: AccessToken, columns: Columns | None) -> dict[str, Object]:
    """JSON has a path of its own, whose answer has one type; the other formats share one."""
    fixed = token.values(endpoint.name, {})
    shown = [each for each in endpoint.parameters if each.name not in fixed]
    table = {"$ref": f"#/components/schemas/{_component(endpoint.name)}_answer"}
    row = f"#/components/schemas/{_component(endpoint.name)}_row"
    texts: Mapping[str, Object] = {
        "application/x-ndjson": {"type": "string", "description": f"One JSON object a line: `{row}`."},
        "text/csv": {"type": "string", "description": "A header line, then one line a row."},
        "application/octet-stream": {"type": "string", "format": "binary", "description": "Parquet."},
        "text/plain": {"type": "string", "description": "Prometheus' text format."},
    }
    forms = [form for form in FORMATS if form != "json" and (form != "prometheus" or _is_prometheus(columns))]
    kinds = {FORMATS[form].content_type.partition(";")[0] for form in forms}
    others = {kind: {"schema": schema} for kind, schema in texts.items() if kind in kinds}
    form = {"name": "format", "in": "path", "required": True, "schema": {"type": "string", "enum": forms}}
    path = f"/v0/pipes/{endpoint.name}"
    return {
        f"{path}.json": _path(endpoint, shown, "", {"application/json": {"schema": table}}),
        f"{path}.{{format}}": {"parameters": [form], **_path(endpoint, shown, " as", others)},
    }


def _is_prometheus(columns: Columns | None) -> bool:
    """Whether the columns are those without which ClickHouse's format refuses."""
    return columns is not None and {"name", "value"} <= columns.types.keys()


def _path(endpoint: Endpoint, shown: list[Parameter], suffix: str, answer: Object) -> Object:
    about = {
        "summary": endpoint.name,
        **({"description": endpoint.description} if endpoint.description else {}),
        "tags": ["pipes"],
    }
    good = {"200": {"description": "The rows.", "headers": _headers("X-Request-Id", *_RATE), "content": answer}}
    if endpoint.has_own_errors:
        good["default"] = {
            "description": "What the pipe's `custom_error()` says, with its own status.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    body: Object = {"type": "object", "properties": {each.name: parameter_schema(each) for each in shown}}
    if required := [each.name for each in shown if each.required]:
        body["required"] = required
    contents = {kind: {"schema": body} for kind in ("application/x-www-form-urlencoded", "application/json")}
    return {
        "get": {
            "operationId": f"get_{endpoint.name}{suffix.replace(' ', '_')}",
            **about,
            "parameters": [_parameter(each) for each in shown],
            "responses": {**good, **_errors("415")},
        },
        "post": {
            "operationId": f"post_{endpoint.name}{suffix.replace(' ', '_')}",
            **about,
            "requestBody": {"content": contents},
            "responses": {**good, **_errors()},
        },
    }


def _parameter(parameter: Parameter) -> Object:
    found: Object = {"name": parameter.name, "in": "query", "schema": parameter_schema(parameter)}
    if parameter.description:
        found["description"] = str(parameter.description)
    if parameter.required:
        found["required"] = True
    if found["schema"]["type"] == "array":
        found |= {"style": "form", "explode": False}
    return found


def _sql() -> Object:
    kinds = sorted({each.content_type.partition(";")[0] for each in SQL_FORMATS.values()})
    table = {"$ref": "#/components/schemas/sql_answer"}
    others: Mapping[str, Object] = {kind: {"schema": {}} for kind in kinds if kind != "application/json"}
    about = {"summary": "SQL", "description": "Runs one SELECT over what the token may read.", "tags": ["sql"]}
    # `FORMAT JSONCompact` and its kin are JSON of another form.
    good: Object = {
        "200": {
            "description": "The rows, as JSON unless the SQL ends with a FORMAT clause.",
            "headers": _headers("X-Request-Id", *_RATE),
            "content": {"application/json": {"schema": {"anyOf": [table, {"type": "object"}]}}, **others},
        }
    }
    statement = {"type": "string", "maxLength": 65536, "description": "One SELECT, with `_` for the pipe `pipeline`."}
    pipeline = {"type": "string", "description": "The pipe that `_` stands for."}
    form = {"type": "object", "required": ["q"], "properties": {"q": statement, "pipeline": pipeline}}
    return {
        "get": {
            "operationId": "get_sql",
            **about,
            "parameters": [
                {"name": "q", "in": "query", "required": True, "schema": statement},
                {"name": "pipeline", "in": "query", "schema": pipeline},
            ],
            "responses": {**good, **_errors("415")},
        },
        "post": {
            "operationId": "post_sql",
            **about,
            "requestBody": {
                "content": {
                    "text/plain": {"schema": statement},
                    "application/x-www-form-urlencoded": {"schema": form},
                    "application/json": {"schema": form},
                }
            },
            "responses": {**good, **_errors()},
        },
    }


def _events(names: list[str]) -> Object:
    counts = {name: {"type": "integer"} for name in ("successful_rows", "quarantined_rows")}
    error = {
        "document": {"type": "integer", "description": "Its number in the request, from 1."},
        "column": {"type": "string"},
        "reason": {"type": "string"},
        "other_columns": {"type": "array", "items": {"type": "string"}},
    }
    first = {"type": "object", "required": ["document", "column", "reason"], "properties": error}
    errors = {"type": "array", "maxItems": 10, "items": first, "description": "The first events in quarantine."}
    schema = {"type": "object", "required": list(counts), "properties": {**counts, "errors": errors}}
    reply = {"application/json": {"schema": schema}}
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
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}},
                "application/json": {
                    "schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}
                },
            },
        },
        "responses": {
            "200": {"description": "The rows can be queried.", "content": reply},
            "202": {"description": "Kafka has stored the events.", "content": reply},
            **_errors(),
        },
    }


def _errors(*left_out: str) -> Object:
    return {status: {"$ref": f"#/components/responses/{status}"} for status in _ERRORS if status not in left_out}


def _error(status: str) -> Object:
    return {
        "description": _ERRORS[status],
        "headers": _headers("X-Request-Id", *_ERROR_HEADERS.get(status, ())),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _headers(*names: str) -> Object:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
