"""Bodies that come too slowly."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from query_api.errors import BodyTooSlow
from query_api.web.request_body import read_body


class Body(StreamReader):
    """Bytes that a test gives; without an end they never stop coming, and never come."""

    def __init__(self, data: bytes, *, is_whole: bool) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(BaseProtocol(loop), 2**16, loop=loop)
        self.feed_data(data)
        if is_whole:
            self.feed_eof()

    async def _wait(self, func_name: str) -> None:
        await asyncio.Event().wait()


async def test_a_body_that_arrives_is_read() -> None:
    request = make_mocked_request("POST", "/", payload=Body(b"all of it", is_whole=True))
    assert await read_body(request) == b"all of it"


async def test_a_body_that_stops_half_way_is_408() -> None:
    request = make_mocked_request("POST", "/", payload=Body(b"half of", is_whole=False))
    with pytest.raises(BodyTooSlow, match="the body did not arrive within 0 s") as caught:
        await read_body(request, seconds=0)
    assert caught.value.status == 408
