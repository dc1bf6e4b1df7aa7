"""The `query-api` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from query_api.processes.cores import usable_cores
from query_api.processes.errors import GaveUpError, RefusedStartError
from query_api.processes.shares import process_count
from query_api.settings import QueryApiSettings
from schemas.errors import ProjectError
from schemas.report import render
from service import event_loop, logs
from service.errors import SettingsError
from service.settings import load_settings

_FAILED = 1
_WRONG_START = 2


def main() -> None:
    """Serve until SIGTERM or SIGINT; exits 0 then, and 2 with the reason on stderr when it cannot start. With several
    processes it exits 1 when some had to be killed at the end, or when they do not stay."""
    try:
        sys.exit(event_loop.run(_run(os.environ)))
    except SettingsError as error:
        _stop(str(error))
    except ProjectError as error:
        _stop(render(error.problems))
    except RefusedStartError as error:
        _stop(str(error))
    except GaveUpError as error:
        _stop(str(error), _FAILED)
    except OSError as error:
        _stop(f"cannot listen: {error}\nhint: `BIRDHOUSE_API_PORT` and `BIRDHOUSE_API_ADMIN_PORT` move the ports")


async def _run(environment: Mapping[str, str]) -> int:
    settings = load_settings(QueryApiSettings, environment)
    logs.configure(settings.log_format, settings.log_level)
    count = process_count(settings, usable_cores())
    # Neither of the two has to wait for what only the other needs.
    if count > 1:
        from query_api.processes.parent import run_parent

        return await run_parent(settings, count, environment)
    from query_api.processes.alone import run_alone

    await run_alone(settings, environment)
    return 0


def _stop(message: str, code: int = _WRONG_START) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
