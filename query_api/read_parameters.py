"""What a caller of a pipe gives: values for the template, and settings of the answer, from URL, form or JSON body."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from query_api.errors import BadRequest, UnsupportedEncoding

Values = Mapping[str, str | list[str]]

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


@dataclass(frozen=True, slots=True)
class RequestParameters:
    """`values` for the template (a list for a repeated key), ClickHouse `settings`, and whether CSV has a header."""

    values: Values = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    has_csv_header: bool = True


def body_items(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """The parameters in a POST body: a form, or one JSON object (null leaves a parameter
    out, an array repeats it, what is nested goes on as JSON text).

    Raises `BadRequest` for a body that is neither, `UnsupportedEncoding` for a multipart form.
    """
    if not body.strip():
        return []
    if content_type == "multipart/form-data":
        raise UnsupportedEncoding("send parameters as a JSON object or as `application/x-www-form-urlencoded`")
    if content_type.endswith("json") or body.lstrip()[:1] == b"{":
        return _json_items(body)
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS, errors="strict")
    except ValueError as error:
        raise BadRequest("the body is no form in UTF-8 with at most 1000 fields") from error


def _json_items(body: bytes) -> list[tuple[str, str]]:
    # Numbers keep the text that was sent: 64-bit integers and decimals must not pass through a float.
    document = _load(body, read_number=str)
    if not isinstance(document, dict):
        raise BadRequest("the body must be one JSON object of parameters")
    nested = _load(body) if any(_is_nested(value) for value in document.values()) else {}
    items: list[tuple[str, str]] = []
    for name, value in document.items():
        if _is_nested(value):
            items.append((name, json.dumps(nested[name], ensure_ascii=False)))
            continue
        members = value if isinstance(value, list) else [value]
        items += [(name, _text(member)) for member in members if member is not None]
    return items


def _text(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _load(body: bytes, read_number: Callable[[str], str] | None = None) -> Any:
    try:
        return json.loads(body, parse_int=read_number, parse_float=read_number, parse_constant=read_number)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not valid JSON") from error


def _is_nested(value: object) -> bool:
    """Whether a value is an object or holds one, and so goes to the template as its JSON text."""
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict | list) for item in value))


def read_parameters(items: Iterable[tuple[str, str]]) -> RequestParameters:
    """Sort out what was sent, URL first, then body.

    Names that nobody knows are kept: templates see only what they declare. Raises `BadRequest` for a setting that is
    no switch, for text that is no Unicode and for more than 1,000 parameters.
    """
    values: dict[str, str | list[str]] = {}
    settings: dict[str, str] = {}
    has_csv_header = True
    for count, (name, value) in enumerate(items, start=1):
        if count > _MAX_PARAMETERS:
            raise BadRequest(f"more than {_MAX_PARAMETERS} parameters")
        if name == _CSV_HEADER:
            has_csv_header = _switch(name, value) == "1"
        elif name in _SETTINGS:
            settings[name] = _switch(name, value)
        elif name not in _RESERVED and not name.startswith(_TOOL_PREFIX):
            _add(values, name, _unicode(name, value))
    return RequestParameters(values, settings, has_csv_header)


def _add(values: dict[str, str | list[str]], name: str, value: str) -> None:
    earlier = values.get(name)
    if earlier is None:
        values[name] = value
    elif isinstance(earlier, list):
        earlier.append(value)
    else:
        values[name] = [earlier, value]


def _switch(name: str, value: str) -> str:
    if value.lower() not in _SWITCHES:
        raise BadRequest(f"the parameter `{name}` cannot be `{value[:100]}`\nhint: accepted are `0` and `1`")
    return _SWITCHES[value.lower()]


def _unicode(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadRequest(f"the parameter `{name}` holds half of a surrogate pair, which is no text") from error
    return value
