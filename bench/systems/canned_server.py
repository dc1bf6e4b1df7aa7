"""A server that answers every request with the same bytes at once: what those who ask it cost by themselves.

Run as a process of its own with a port and a file that holds the answer, head and all.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import cast

from service import event_loop

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


class Canned(asyncio.Protocol):
    """One connection, which sends a request only after the answer to the one before."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._request = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._request += data
        if _is_whole(self._request):
            self._request.clear()
            self._transport.write(self._answer)


def _is_whole(request: bytearray) -> bool:
    end = request.find(_HEAD_END)
    if end < 0:
        return False
    length = _LENGTH.search(request, 0, end)
    return len(request) >= end + len(_HEAD_END) + (int(length[1]) if length else 0)


async def _serve(port: int, answer: bytes) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Canned(answer), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    event_loop.run(_serve(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
