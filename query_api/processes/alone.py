"""The API in one process: it listens itself, and nobody watches over it but whoever started it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping

from aiohttp import web

from query_api.app import STATE, create_app
from query_api.observing.processes import ProjectNotSwapped, ProjectSwapped
from query_api.processes.errors import NoSwapError
from query_api.processes.hangup import on_hangup
from query_api.processes.swap import DeployedSchema, Swapping
from query_api.server import serve
from query_api.settings import QueryApiSettings
from service.long_lived import loading_long_lived


async def run_alone(settings: QueryApiSettings, environment: Mapping[str, str] = os.environ) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the project anew. Raises `SettingsError`,
    `schemas.errors.ProjectError`, and OSError for a port that cannot be had."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    schema = DeployedSchema(settings)
    with loading_long_lived():
        app = create_app(settings, environment=environment)
        swapping = Swapping(app, environment, schema)
    with on_hangup(lambda: _swap(app, swapping), stop):
        await serve(app, stop=stop, missing=schema)


async def _swap(app: web.Application, swapping: Swapping) -> None:
    observe = app[STATE].observe
    try:
        swap = await swapping.prepare()
    except NoSwapError as error:
        observe(ProjectNotSwapped(str(error)))
        return
    swap.now()
    observe(ProjectSwapped(swap.project.digest, len(swap.pipes)))
