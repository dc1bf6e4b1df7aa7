"""`POST /v0/tokens/`: the admin makes signed tokens that expire."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from query_api.access.auth import TokenTable
from query_api.access.authenticate import authenticate
from query_api.access.json_web_tokens import sign
from query_api.errors import BadRequest, Forbidden
from query_api.routes import Route
from query_api.web.request_body import read_body

# The year 9999; later is no time that other programs can show.
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, slots=True)
class TokenHandlers:
    tokens: TokenTable
    clock: Callable[[], float] = time.time

    def routes(self) -> Sequence[Route]:
        return (Route("POST", "/v0/tokens", self.create),)

    async def create(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.tokens)
        if not token.is_admin:
            raise Forbidden("only the admin token can make tokens")
        expires = self._expiration(request.query.get("expiration_time"))
        document = _document(await read_body(request))
        if name := request.query.get("name"):
            document["name"] = name
        value = sign(document, expires=expires, key=self.tokens.signing_key)
        return web.json_response({"token": value}, headers={"Cache-Control": "no-store"})

    def _expiration(self, text: str | None) -> int:
        if not text:
            hint = "tokens that do not expire are named in the project's files: `TOKEN name READ`"
            raise BadRequest(f"the parameter `expiration_time` is needed, in seconds since 1970\nhint: {hint}")
        if not (text.isascii() and text.isdecimal() and len(text) <= 12 and int(text) <= _LAST_SECOND):
            raise BadRequest(f"the parameter `expiration_time` cannot be `{text[:100]}`\nhint: seconds since 1970")
        if int(text) <= self.clock():
            raise BadRequest(f"the parameter `expiration_time` is in the past: `{text}`")
        return int(text)


def _document(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest('the body is not valid JSON\nhint: `{"name": …, "scopes": […]}`') from error
    if not isinstance(document, dict):
        raise BadRequest("the body must be one JSON object")
    return document
