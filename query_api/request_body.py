"""Reads the body of a request, in a time that is ours to choose."""

from __future__ import annotations

import asyncio

from aiohttp import web

from query_api.documents import inflate
from query_api.errors import BodyTooSlow

# 10 MiB within this time is 180 KB/s; who sends slower only holds on to memory.
BODY_SECONDS = 60.0


async def read_decoded_body(request: web.Request) -> bytes:
    """The whole body without its Content-Encoding. Raises what `read_body` and `query_api.documents.inflate` raise."""
    body = await read_body(request)
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    return await asyncio.to_thread(inflate, body, encoding, request.client_max_size) if encoding else body


async def read_body(request: web.Request, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body. Raises `BodyTooSlow`, and what aiohttp raises for a body over the application's limit."""
    if request.content.is_eof():
        return await request.read()  # it is here already, so nothing is waited for
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except TimeoutError as error:
        raise BodyTooSlow(f"the body did not arrive within {seconds:g} s") from error
