"""Reads the body of a request, in a time that is ours to choose."""

from __future__ import annotations

import asyncio
import zlib

from aiohttp import web

from query_api.errors import BadRequest, BodyTooSlow, TooLarge, UnsupportedEncoding

# 10 MiB within this time is 180 KB/s; who sends slower only holds on to memory.
BODY_SECONDS = 60.0


async def read_decoded_body(request: web.Request) -> bytes:
    """The whole body without its Content-Encoding. Raises what `read_body` and `inflate` raise."""
    body = await read_body(request)
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    return await asyncio.to_thread(inflate, body, encoding, request.client_max_size) if encoding else body


async def read_body(request: web.Request, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body, once a request. Raises `BodyTooSlow`, and what aiohttp raises for a body over the application's
    limit."""
    if request.content.is_eof():
        body = request.content.read_nowait()  # it is here already: aiohttp's own way takes four times as long
        if len(body) > request.client_max_size:
            raise web.HTTPRequestEntityTooLarge(request.client_max_size)
        return body
    try:
        async with asyncio.timeout(seconds):
            return await request.read()
    except TimeoutError as error:
        raise BodyTooSlow(f"the body did not arrive within {seconds:g} s") from error


_GZIP = b"\x1f\x8b"


# Each member costs a copy of what follows it, so their number must not be the caller's to choose.
_MAX_GZIP_MEMBERS = 64


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding, of at most `limit` bytes.

    A gzip body may have several members; one that is cut off is refused, because the end of its events is missing.
    Raises `TooLarge`, `BadRequest`, `UnsupportedEncoding`.
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise UnsupportedEncoding(f"the Content-Encoding `{encoding[:100]}` is not known\nhint: accepted is `gzip`")
    if not body.startswith(_GZIP):
        raise BadRequest("the body is not gzip, although its Content-Encoding says so")
    members: list[bytes] = []
    left = limit
    while body:
        if len(members) == _MAX_GZIP_MEMBERS:
            raise BadRequest(f"the gzip body has more than {_MAX_GZIP_MEMBERS} members")
        inflater = zlib.decompressobj(wbits=31)
        try:
            members.append(inflater.decompress(body, left + 1))
        except zlib.error as error:
            raise BadRequest("the body is broken gzip") from error
        left -= len(members[-1])
        if left < 0:
            raise body_too_large(limit)
        if not inflater.eof:
            raise BadRequest("the gzip body is cut off")
        body = inflater.unused_data.lstrip(b"\0")  # tar-like padding may follow a member
    return b"".join(members)


def body_too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"the body is larger than `{limit}` bytes\nhint: send it in parts; the limit is `BIRDHOUSE_API_MAX_BODY_BYTES`"
    )
