"""A server that answers every request with the same bytes at once: what the load generator can do at most.

Run as a process of its own with a port and the number of bytes of a body.
"""

from __future__ import annotations

import asyncio
import sys


class Canned(asyncio.Protocol):
    """One connection; a request arrives as one piece, as the load generator sends it."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        del data
        self._transport.write(self._answer)


async def _serve(port: int, size: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, b"x" * size)
    server = await asyncio.get_running_loop().create_server(lambda: Canned(answer), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
