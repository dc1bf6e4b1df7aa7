"""The `query-api` command."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping

from query_api.app import LIVE, create_app
from query_api.engine.schema_check import schema_check
from query_api.server import serve
from query_api.settings import QueryApiSettings
from schemas.errors import ProjectError
from schemas.report import render
from schemas.tables.views.project import views_of
from service import event_loop, logs
from service.errors import SettingsError
from service.long_lived import loading_long_lived
from service.settings import load_settings

_WRONG_START = 2

logger = logging.getLogger(__name__)


def main() -> None:
    """Serve until SIGTERM or SIGINT; exits 0 then, and 2 with the reason on stderr when it cannot start."""
    try:
        event_loop.run(_run(os.environ))
    except SettingsError as error:
        _stop(str(error))
    except ProjectError as error:
        _stop(render(error.problems))
    except OSError as error:
        _stop(f"cannot listen: {error}\nhint: `BIRDHOUSE_API_PORT` and `BIRDHOUSE_API_ADMIN_PORT` move the ports")


async def _run(environment: Mapping[str, str]) -> None:
    settings = load_settings(QueryApiSettings, environment)
    logs.configure(settings.log_format, settings.log_level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with loading_long_lived():
        app = create_app(settings, environment=environment)
    snapshot = app[LIVE].snapshot
    views = views_of(snapshot.project, snapshot.catalog)
    for problem in (*views.not_carried_out, *views.problems):
        logger.warning("%s: %s", problem.place, problem.message)
    await serve(app, stop=stop, missing=schema_check(settings, snapshot.project, views))


def _stop(message: str) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(_WRONG_START)


if __name__ == "__main__":
    main()
