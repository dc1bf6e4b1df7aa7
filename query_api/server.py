"""Serves the API and its admin port until it is told to stop, then lets requests end within a deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from query_api.app import STATE, create_admin
from query_api.errors import Unavailable
from query_api.live import State
from query_api.observing.lifetime import Listening, Stopping
from query_api.observing.servers import SchemaDiffers
from query_api.web.middleware import refusal
from service.web.server import USUAL_PATIENCE, HttpRunner, Patience, plain_error

# Bytes of a request line: Tinybird's tools send up to 4,096 characters of parameters, percent-encoded in URLs.
_LONGEST_LINE = 32_768

logger = logging.getLogger(__name__)
_http_logger = logging.getLogger("query_api.http")

# What of the project ClickHouse does not have, for people. Raises `Unavailable` when it does not say.
SchemaCheck = Callable[[], Awaitable[list[str]]]
COMPARE_SECONDS = 60.0
# While something is missing, so that what is deployed is seen this fast.
DEPLOYED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a service listens, also when the system chose the ports."""

    api: int
    admin: int


async def serve(
    app: web.Application,
    *,
    stop: asyncio.Event,
    missing: SchemaCheck | None = None,
    deployed_seconds: float = DEPLOYED_SECONDS,
    on_listening: Callable[[Ports], None] | None = None,
    patience: Patience = USUAL_PATIENCE,
) -> None:
    """Run an application of `query_api.app.create_app` until `stop` is set.

    Requests are taken at once, of which `on_listening` is told; until the servers answer they are told so with 503.
    `missing` and `deployed_seconds` are as for `comparing`. Callers of both ports are waited for with `patience`.
    Raises OSError for a port that cannot be had.
    """
    state = app[STATE]
    settings = state.settings
    admin = HttpRunner(create_admin(app), answer_error=plain_error, patience=patience, shutdown_timeout=1.0)
    try:
        async with answering(app, patience) as api:
            port = await _listen(api, settings.host, settings.port)
            await admin.setup()
            admin_port = await _listen(admin, settings.admin_host, settings.admin_port)
            state.observe(Listening(settings.host, port, admin_port))
            if on_listening is not None:
                on_listening(Ports(port, admin_port))
            async with comparing(app, missing, deployed_seconds):
                await stop.wait()
                state.observe(Stopping(settings.shutdown_seconds))
    finally:
        # The admin port goes last: it says `stopping` while requests end.
        await admin.cleanup()


@asynccontextmanager
async def answering(app: web.Application, patience: Patience = USUAL_PATIENCE) -> AsyncIterator[HttpRunner]:
    """What answers the connections that it is given, without a port; at the end of the block requests in flight end."""
    api = _api_runner(app, patience)
    try:
        await api.setup()
        yield api
    finally:
        await api.cleanup()


@asynccontextmanager
async def comparing(
    app: web.Application, missing: SchemaCheck | None, deployed_seconds: float = DEPLOYED_SECONDS
) -> AsyncIterator[None]:
    """During the block `missing` is asked once ClickHouse answers, and again, after `deployed_seconds` while something
    is: then the API is not ready."""
    if missing is None:
        yield
        return
    comparison = asyncio.create_task(_compare(app[STATE], missing, deployed_seconds))
    try:
        yield
    finally:
        comparison.cancel()
        await asyncio.gather(comparison, return_exceptions=True)


def _api_runner(app: web.Application, patience: Patience) -> HttpRunner:
    state = app[STATE]
    return HttpRunner(
        app,
        answer_error=refusal(state.observe),
        patience=patience,
        handler_cancellation=True,
        shutdown_timeout=state.settings.shutdown_seconds,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
        logger=_http_logger,
    )


async def _listen(runner: web.AppRunner, host: str, port: int) -> int:
    await web.TCPSite(runner, host, port).start()
    return int(runner.addresses[0][1])


async def _compare(state: State, missing: SchemaCheck, deployed_seconds: float) -> None:
    state.health.schema = ["not compared with the project yet"]
    await state.health.first_answer("ClickHouse")
    is_known = False
    while True:
        try:
            found = await missing()
            if found and not (is_known and state.health.schema):
                state.observe(SchemaDiffers(tuple(found)))
            state.health.schema, is_known = [f"{each} (run `birdhouse deploy`)" for each in found], True
        except Unavailable:
            # Whether it answers at all is looked at elsewhere; queries are answered all the same.
            state.health.schema = state.health.schema if is_known else []
        except Exception:
            logger.exception("the deployed schema could not be compared with the project")
            state.health.schema = state.health.schema if is_known else []
        await asyncio.sleep(deployed_seconds if state.health.schema else COMPARE_SECONDS)
