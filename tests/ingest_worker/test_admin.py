"""The admin port's server: it listens from a thread of its own, and lets go."""

from __future__ import annotations

import urllib.request

import pytest
from aiohttp import web

from ingest_worker.admin import AdminServer


def application() -> web.Application:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    return app


@pytest.mark.sockets
def test_serves_between_start_and_stop() -> None:
    server = AdminServer(application(), "127.0.0.1", 0)
    url = server.start()
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"hello"
    server.stop()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=10)


@pytest.mark.sockets
def test_a_port_that_is_taken_is_said_at_once() -> None:
    first = AdminServer(application(), "127.0.0.1", 0)
    port = int(first.start().rsplit(":", 1)[1])
    second = AdminServer(application(), "127.0.0.1", port)
    with pytest.raises(OSError, match="in use"):
        second.start()
    second.stop()
    first.stop()
