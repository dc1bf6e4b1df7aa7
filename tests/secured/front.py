"""A reverse proxy before a ClickHouse: TLS, client certificates, a path of its own, or a page that is no answer."""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

_OF_ONE_CONNECTION = frozenset({"Transfer-Encoding", "Content-Length", "Connection", "Keep-Alive", "Host"})


@dataclass
class Front:
    """Where it listens, and the path of every request that came.

    `logins`: a proxy's own users, as `name:password`, each with the `name:password` of the server's that it goes on as.
    A name that is there with another password is refused as ClickHouse refuses it.
    """

    port: int = 0
    seen: list[str] = field(default_factory=list)
    logins: dict[str, str] = field(default_factory=dict)

    def url(self, path: str = "", *, scheme: str = "https", host: str = "localhost") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@contextmanager
def front(
    target: str | None, *, tls: ssl.SSLContext | None = None, path: str = "/", status: int = 404
) -> Iterator[Front]:
    """Hands requests below `path` to the server at `target`; everything else, and without a target everything, is
    answered with that status and HTML."""
    here, started, loop = Front(), threading.Event(), asyncio.new_event_loop()
    session: aiohttp.ClientSession

    async def answer(request: web.Request) -> web.Response:
        here.seen.append(request.path)
        if target is None or not request.path.startswith(path):
            return web.Response(status=status, text="<html>nothing here</html>", content_type="text/html")
        url = f"{target}/{request.path.removeprefix(path)}?{request.query_string}"
        headers = {name: value for name, value in request.headers.items() if name not in _OF_ONE_CONNECTION}
        sent = base64.b64decode(headers.get("Authorization", "").removeprefix("Basic ")).decode()
        if sent.partition(":")[0] in {login.partition(":")[0] for login in here.logins}:
            if sent not in here.logins:
                text = "Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)"
                return web.Response(status=403, text=text, headers={"X-ClickHouse-Exception-Code": "516"})
            headers["Authorization"] = "Basic " + base64.b64encode(here.logins[sent].encode()).decode()
        async with session.request(request.method, url, data=await request.read(), headers=headers) as found:
            kept = {name: value for name, value in found.headers.items() if name not in _OF_ONE_CONNECTION}
            return web.Response(status=found.status, body=await found.read(), headers=kept)

    async def serve() -> None:
        nonlocal session
        session = aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=60))
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, auto_decompress=False, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        here.port = runner.addresses[0][1]
        started.set()
        try:
            await ended.wait()
        finally:
            await runner.cleanup()
            await session.close()

    ended = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="front", daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield here
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(20)
        loop.close()
