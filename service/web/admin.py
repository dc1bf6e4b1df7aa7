"""The admin port's application: whether the process lives, whether it is ready, its metrics and its state."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from service.web.routes import Routes
from service.web.server import SERVER_NAME


def create_admin_app(
    *,
    registry: CollectorRegistry,
    is_live: Callable[[], bool],
    readiness: Callable[[], list[str]],
    status: Callable[[], Mapping[str, object]],
    look: Callable[[], Awaitable[None]] | None = None,
) -> web.Application:
    """An application with `/livez`, `/readyz`, `/metrics` and `/status`.

    `/livez` answers 200 or 503; `/readyz` the same, with `readiness`'s reasons why not (none: ready); `/metrics` is
    Prometheus text; `/status` is `status` as JSON. The callables run on the event loop: they must not block.

    `look` is for a service of several processes: it is awaited before each answer, so that what the callables tell is
    new. Metrics are then read in a thread, because they lie in files.
    """

    async def livez(_: web.Request) -> web.Response:
        live = is_live()
        return _json({"live": live}, 200 if live else 503)

    async def readyz(_: web.Request) -> web.Response:
        reasons = readiness()
        return _json({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = encode(registry) if look is None else await asyncio.to_thread(encode, registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def show_status(_: web.Request) -> web.Response:
        return _json(status(), 200)

    app = web.Application(middlewares=[] if look is None else [_after(look)])
    app.on_response_prepare.append(_hide_version)
    routes = Routes(app.router)
    routes.add_get("/livez", livez)
    routes.add_get("/readyz", readyz)
    routes.add_get("/metrics", metrics)
    routes.add_get("/status", show_status)
    return app


def _after(look: Callable[[], Awaitable[None]]) -> Middleware:
    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        await look()
        return await handler(request)

    return answer


async def _hide_version(_: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.SERVER] = SERVER_NAME


def _json(body: Mapping[str, object], status: int) -> web.Response:
    # `str` for what JSON does not know (paths, moments): an operator's page must not fail on a value's type.
    return web.json_response(body, status=status, dumps=lambda value: json.dumps(value, default=str))
