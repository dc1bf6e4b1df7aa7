"""Where a request holds SQL of its own: the parameter `q`, or a body that is no form and no JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiohttp import web

from query_api.errors import BadRequest, TooLarge
from query_api.web.off_loop import PARAMETER_BYTES, off_loop
from query_api.web.read_parameters import Items, RequestParameters, body_items, read_parameters, text_of
from query_api.web.request_body import read_decoded_body
from schemas.queries.query import Value

# `curl -d` calls everything a form; a form's first field has a name without spaces.
_TEXTS = frozenset({"text/plain", "application/sql", "application/octet-stream"})
_TEMPLATE_PARAMETERS = "template_parameters"
# Commas of a body: eight lists of as many members as one may have.
_MAX_VALUES = 524_288
# What says which SQL is run, and over what, is said by the request itself.
_OF_REQUESTS = frozenset({"q", "pipeline", _TEMPLATE_PARAMETERS})
_SQL_START = re.compile(rb"\s*(?:%|\(|--|/\*|(?:select|with|from)\s)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SqlRequest:
    """A request's parameters, its SQL (None without), and the pipe that `_` stands for (None without)."""

    parameters: RequestParameters
    sql: str | None
    pipeline: str | None


async def read_sql_request(request: web.Request, *, expects_sql: bool = False) -> SqlRequest:
    """With `expects_sql` a body of plain text is SQL however it begins.

    Raises `BadRequest` and what reading a body raises.
    """
    items: Items = [*request.query.items()]
    if request.method != "POST":
        size = len(request.query_string) // PARAMETER_BYTES
        return await off_loop(size, lambda: _read(items, "", b"", expects_sql=False))
    body, content_type = await read_decoded_body(request), request.content_type
    size = (len(body) + len(request.query_string)) // PARAMETER_BYTES
    return await off_loop(size, lambda: _read(items, content_type, body, expects_sql=expects_sql))


def _read(items: Items, content_type: str, body: bytes, *, expects_sql: bool) -> SqlRequest:
    sql = None
    if body:
        is_form = content_type == "multipart/form-data"
        is_plain = expects_sql and content_type in _TEXTS and bool(body.strip())
        if is_plain or (_SQL_START.match(body) and not is_form):
            sql = _text(body)
        else:
            items += _body_items(content_type, body)
    said = _said(items)
    if _TEMPLATE_PARAMETERS in said:
        items += _template_parameters(items, said[_TEMPLATE_PARAMETERS])
    return SqlRequest(read_parameters(items), sql or said.get("q"), said.get("pipeline"))


def _body_items(content_type: str, body: bytes) -> Items:
    # Python reads JSON in one go, during which nothing else runs: what makes it long are its values.
    if body.count(b",") > _MAX_VALUES:
        raise TooLarge(f"the parameters hold more than the {_MAX_VALUES} values that are taken")
    return body_items(content_type, body)


def url_parameters(items: Sequence[tuple[str, Value]]) -> RequestParameters:
    """The parameters of a request without a body. Raises `BadRequest` and what reading parameters raises."""
    text = _said(items).get(_TEMPLATE_PARAMETERS)
    return read_parameters(items if text is None else [*items, *_template_parameters(items, text)])


def _template_parameters(items: Sequence[tuple[str, Value]], text: str) -> Items:
    """What Tinybird's own tools send as one JSON object; a parameter that was given by itself wins over it.

    Raises `BadRequest`.
    """
    given = {name for name, _ in items}
    try:
        more = _body_items("application/json", text.encode("utf-8", "surrogatepass"))
    except BadRequest as error:
        hint = "a JSON object of parameters"
        raise BadRequest(
            f"the parameter `{_TEMPLATE_PARAMETERS}` cannot be used: {error.message}\nhint: {hint}"
        ) from None
    return [(name, value) for name, value in more if name not in given and name not in _OF_REQUESTS]


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BadRequest("the SQL is not UTF-8") from error


def _said(items: Iterable[tuple[str, Value]]) -> dict[str, str]:
    """What the request says of itself: of each of its names the first value that is not blank. Raises `BadRequest`."""
    said: dict[str, str] = {}
    for name, value in items:
        if name in _OF_REQUESTS and name not in said and (text := text_of(name, value)).strip():
            said[name] = text
    return said
