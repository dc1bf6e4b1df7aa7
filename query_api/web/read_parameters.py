"""What a caller of a pipe gives: values for the template, and settings of the answer, from URL, form or JSON body."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from query_api.errors import BadRequest, TooLarge, UnsupportedEncoding
from schemas.queries.query import Value, Values
from schemas.template.values.json_values import JsonLiteral, json_text

Items = list[tuple[str, Value]]

# Read by the service or by Tinybird's tools, and reserved there: a template never sees them. (`from`, which the tools
# also send, is not among them: pipes have parameters of that name, and what a pipe does not declare is ignored anyway.)
_RESERVED = frozenset(
    {"token", "cli_version", "tag", "pipeline", "debug", "debug_source_tables", "explain", "query_id", "q"}
    | {"template_parameters", "finalize_aggregations"}
)
_TOOL_PREFIX = "__tb__"
# Tinybird's setting parameters that ClickHouse knows by the same name; all are switches.
_SETTINGS = frozenset(
    {
        "output_format_json_quote_64bit_integers",
        "output_format_json_quote_denormals",
        "output_format_parquet_string_as_string",
    }
)
_SWITCHES = {"0": "0", "1": "1", "false": "0", "true": "1"}
_CSV_HEADER = "__tb__csv_header"
_MAX_PARAMETERS = 1_000
# Of one list: ClickHouse takes 128 KiB as one value, which no array of more elements fits.
MAX_MEMBERS = 65_536


@dataclass(frozen=True, slots=True)
class RequestParameters:
    """`values` for the template (a list for a repeated key and for a list in JSON, however many members it has),
    ClickHouse `settings`, and whether CSV has a header."""

    values: Values = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    has_csv_header: bool = True


def body_items(content_type: str, body: bytes) -> Items:
    """The parameters in a POST body: a form, or one JSON object (null leaves a parameter
    out, a list stays one, an object goes on as JSON text).

    Raises `BadRequest` for a body that is neither, `UnsupportedEncoding` for a multipart form.
    """
    if not body.strip():
        return []
    if content_type == "multipart/form-data":
        raise UnsupportedEncoding("send parameters as a JSON object or as `application/x-www-form-urlencoded`")
    if content_type.endswith("json") or body.lstrip()[:1] == b"{":
        return _json_items(body)
    try:
        return [*parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_MEMBERS, errors="strict")]
    except ValueError as error:
        raise BadRequest(f"the body is no form in UTF-8 with at most {MAX_MEMBERS} fields") from error


def _json_items(body: bytes) -> Items:
    try:
        # Numbers keep the text that was sent: 64-bit integers and decimals must not pass through a float.
        document = json.loads(body, parse_int=JsonLiteral, parse_float=JsonLiteral, parse_constant=JsonLiteral)
        if isinstance(document, dict):
            return [(name, _given(value)) for name, value in document.items() if value is not None]
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not valid JSON") from error
    raise BadRequest("the body must be one JSON object of parameters")


def _given(value: Any) -> Value:
    """A value of a JSON body: lists keep their shape, an object is its JSON text."""
    if isinstance(value, list):
        return [_literal(member) for member in value]
    return json_text(value) if isinstance(value, dict) else str(_literal(value))


def _literal(value: Any) -> Any:
    return JsonLiteral(str(value).lower()) if isinstance(value, bool) else value


def read_parameters(items: Iterable[tuple[str, Value]]) -> RequestParameters:
    """Sort out what was sent, URL first, then body.

    Names that nobody knows are kept: templates see only what they declare. Raises `BadRequest` for a setting that is
    no switch, for text that is no Unicode and for more than 1,000 names, `TooLarge` for an endless list.
    """
    values: dict[str, Value] = {}
    settings: dict[str, str] = {}
    has_csv_header = True
    for name, value in items:
        if name == _CSV_HEADER:
            has_csv_header = _switch(name, value) == "1"
        elif name in _SETTINGS:
            settings[name] = _switch(name, value)
        elif name not in _RESERVED and not name.startswith(_TOOL_PREFIX):
            _add(values, name, _unicode(name, value))
    return RequestParameters(values, settings, has_csv_header)


def _add(values: dict[str, Value], name: str, value: Value) -> None:
    earlier = values.get(name)
    if earlier is None:
        if len(values) == _MAX_PARAMETERS:
            raise BadRequest(f"more than {_MAX_PARAMETERS} parameters")
        values[name] = earlier = value
    else:
        if isinstance(earlier, str):
            values[name] = earlier = [earlier]
        earlier += value if isinstance(value, list) else [value]
    if isinstance(earlier, list) and len(earlier) > MAX_MEMBERS:
        raise TooLarge(f"the list `{name}` has more than the {MAX_MEMBERS} members that are taken")


def text_of(name: str, value: Value) -> str:
    """A value that can be no list. Raises `BadRequest`."""
    if isinstance(value, list):
        raise BadRequest(f"the parameter `{name}` takes one value, not a list")
    return value


def _switch(name: str, given: Value) -> str:
    value = text_of(name, given)
    if value.lower() not in _SWITCHES:
        raise BadRequest(f"the parameter `{name}` cannot be `{value[:100]}`\nhint: accepted are `0` and `1`")
    return _SWITCHES[value.lower()]


def _unicode(name: str, value: Value) -> Value:
    if isinstance(value, str) and value.isascii():
        return value
    try:
        for text in value if isinstance(value, list) else (value,):
            (text if isinstance(text, str) else json_text(text)).encode()
    except UnicodeEncodeError as error:
        raise BadRequest(f"the parameter `{name}` holds half of a surrogate pair, which is no text") from error
    except RecursionError as error:
        raise BadRequest(f"the parameter `{name}` is nested too deep") from error
    return value
