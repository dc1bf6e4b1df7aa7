"""The OpenAPI 3.1 document of what one token may ask and send.

Rows are described as open objects: their columns are known to ClickHouse alone, for given values of the parameters, and
asking it once for each endpoint would make this document the most expensive answer of the service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from query_api.auth import AccessToken
from query_api.catalog import Endpoint
from query_api.pipe_objects import plain
from query_api.template.parameters import Parameter

Object = dict[str, Any]

_FORMATS = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/octet-stream",
}
_ERRORS = {
    "400": "A wrong parameter, or an error of the query.",
    "403": "No token, or one that may not do this.",
    "404": "There is no such resource.",
    "408": "The query ran into its time limit.",
    "413": "A value, a body or a result is over its limit.",
    "429": "The token's rate is used up: `Retry-After`.",
    "503": "Too much to do, or a server that cannot be reached: `Retry-After`.",
}
_ROW: Object = {"type": "object", "additionalProperties": True}
_TABLE: Object = {
    "type": "object",
    "required": ["meta", "data", "rows"],
    "properties": {
        "meta": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "type"],
                "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
            },
        },
        "data": {"type": "array", "items": _ROW},
        "rows": {"type": "integer"},
        "rows_before_limit_at_least": {"type": "integer"},
        "statistics": {
            "type": "object",
            "properties": {name: {"type": "number"} for name in ("elapsed", "rows_read", "bytes_read")},
        },
    },
}
_ERROR: Object = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "documentation": {"type": "string"}},
}
_INTEGERS = {f"{sign}Int{bits}": (sign, bits) for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)}


def openapi_document(endpoints: Iterable[Endpoint], feeds: Iterable[str], token: AccessToken) -> Object:
    """The document for these endpoints, and for events to these data sources."""
    paths = {f"/v0/pipes/{each.name}.{{format}}": _endpoint_path(each, token) for each in endpoints}
    if names := sorted(feeds):
        paths["/v0/events"] = {"post": _events(names)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Birdhouse", "version": "0", "description": "Endpoints and data sources of this project."},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"query": []}],
        "paths": paths,
        "components": {
            "schemas": {"Table": _TABLE, "Error": _ERROR},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "query": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
    }


def _endpoint_path(endpoint: Endpoint, token: AccessToken) -> Object:
    fixed = token.values(endpoint.name, {})
    shown = [each for each in endpoint.parameters if each.name not in fixed]
    form = {"name": "format", "in": "path", "required": True, "schema": {"type": "string", "enum": list(_FORMATS)}}
    about = {
        "summary": endpoint.name,
        **({"description": endpoint.description} if endpoint.description else {}),
        "tags": ["pipes"],
        "responses": _responses({"200": _answer()}),
    }
    required = [each.name for each in shown if each.required]
    body: Object = {"type": "object", "properties": {each.name: _schema(each) for each in shown}}
    if required:
        body["required"] = required
    contents = {kind: {"schema": body} for kind in ("application/x-www-form-urlencoded", "application/json")}
    return {
        "parameters": [form],
        "get": {"operationId": f"get {endpoint.name}", "parameters": [_parameter(each) for each in shown], **about},
        "post": {"operationId": f"post {endpoint.name}", "requestBody": {"content": contents}, **about},
    }


def _answer() -> Object:
    schemas: Mapping[str, Object] = {
        "json": {"$ref": "#/components/schemas/Table"},
        "ndjson": {"type": "string", "description": "One JSON object a line."},
        "csv": {"type": "string", "description": "A header line, then one line a row."},
        "parquet": {"type": "string", "format": "binary"},
    }
    contents = {media_type: {"schema": schemas[name]} for name, media_type in _FORMATS.items()}
    return {"description": "The rows, in the format that the URL names.", "content": contents}


def _responses(good: Mapping[str, Object]) -> Object:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {**good, **{status: {"description": text, "content": error} for status, text in _ERRORS.items()}}


def _parameter(parameter: Parameter) -> Object:
    found: Object = {"name": parameter.name, "in": "query", "schema": _schema(parameter)}
    if parameter.description:
        found["description"] = str(parameter.description)
    if parameter.required:
        found["required"] = True
    if found["schema"]["type"] == "array":
        found |= {"style": "form", "explode": False}
    return found


def _schema(parameter: Parameter) -> Object:
    """A parameter's JSON Schema. Whatever its author said that does not fit its type is left out."""
    schema = _type(parameter.type or "String")
    member = schema.get("items", schema)
    if parameter.format:
        member["format"] = str(parameter.format)
    if parameter.enum:
        fitting = [found for each in parameter.enum if (found := _fitted(each, member)) is not None]
        if fitting:
            member["enum"] = list(dict.fromkeys(fitting))
    if (default := _fitted(parameter.default, schema)) is not None:
        schema["default"] = default
    if (example := _fitted(parameter.example, schema)) is not None:
        schema["examples"] = [example]
    if parameter.description:
        schema["description"] = str(parameter.description)
    return schema


def _type(name: str) -> Object:
    if name.startswith("Array("):
        return {"type": "array", "items": _type(name.removeprefix("Array(").removesuffix(")"))}
    if name == "Array":
        return {"type": "array", "items": {"type": "string"}}
    if name in _INTEGERS:
        sign, bits = _INTEGERS[name]
        low, high = (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        width = {"format": f"int{bits}"} if not sign and bits in (32, 64) else {}
        return {"type": "integer", "minimum": low, "maximum": high, **width}
    if name.startswith("Float"):
        return {"type": "number"}
    if name in ("Boolean", "Bool"):
        return {"type": "boolean"}
    return {"type": "string", "format": "date"} if name == "Date" else {"type": "string"}


def _fitted(value: object, schema: Mapping[str, Any]) -> Any:
    """The value as the schema's type has it, None for one that it does not have."""
    found = plain(value)
    if found is None or found == "":
        return found if schema["type"] == "string" and "enum" not in schema else None
    if schema["type"] == "array":
        members = found if isinstance(found, list) else str(found).split(",")
        fitted = [_fitted(member, schema["items"]) for member in members]
        return None if None in fitted or "" in fitted else fitted
    if isinstance(found, list):
        return None
    fitted_scalar = _scalar(str(found), schema)
    return None if "enum" in schema and fitted_scalar not in schema["enum"] else fitted_scalar


def _scalar(text: str, schema: Mapping[str, Any]) -> Any:
    match schema["type"]:
        case "boolean":
            return {"1": True, "true": True, "0": False, "false": False}.get(text.lower())
        case "integer":
            try:
                number = int(text)
            except ValueError:
                return None
            return number if schema["minimum"] <= number <= schema["maximum"] else None
        case "number":
            try:
                return plain(float(text))
            except ValueError:
                return None
        case _:
            return text if "format" not in schema or schema["format"] != "date" or len(text) == 10 else None


def _events(names: list[str]) -> Object:
    counts = {name: {"type": "integer"} for name in ("successful_rows", "quarantined_rows")}
    reply = {"application/json": {"schema": {"type": "object", "properties": counts}}}
    return {
        "operationId": "post events",
        "summary": "Send events",
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
                "application/json": {"schema": {"type": "object"}},
            },
        },
        "responses": _responses(
            {
                "200": {"description": "The rows can be queried.", "content": reply},
                "202": {"description": "Kafka has stored the events.", "content": reply},
            }
        ),
    }
