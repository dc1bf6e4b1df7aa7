"""How the other commands reach what a running `birdhouse run` owns: by its admin port and its broker's address."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.embedded.http_door import ENGINE_USER
from deploy.errors import FolderInUseError
from deploy.run.environments import Environment, of_embedded_broker
from deploy.secret import ADMIN_TOKEN_FILE, write_private
from deploy.settings import RunSettings

RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class RunningParts:
    """Where the embedded parts of the `birdhouse run` with the id `pid` answer, None for what it does not embed."""

    pid: int
    engine: str | None
    broker: str | None


def write_parts(folder: Path, parts: RunningParts) -> None:
    write_private(folder / RUN_FILE, json.dumps(asdict(parts)) + "\n")


def forget_parts(folder: Path) -> None:
    (folder / RUN_FILE).unlink(missing_ok=True)


def running_parts(folder: Path) -> RunningParts | None:
    """Those of the `birdhouse run` on the folder; None when there is none, or it is not up yet."""
    with suppress(OSError, ValueError, TypeError):
        parts = RunningParts(**json.loads((folder / RUN_FILE).read_text()))
        os.kill(parts.pid, 0)  # OSError: the process was killed, and could not remove its file
        return parts
    return None


def reached_at(address: str) -> str:
    """The URL of a server that listens at `http://host:port`, as processes of this machine reach it."""
    return address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def environment_beside(settings: RunSettings, environment: Environment) -> dict[str, str]:
    """The environment in which a command uses the embedded parts of a `birdhouse run` on the same folder as if they
    were servers; as it was when there is none. Raises `FolderInUseError` when its admin token cannot be read."""
    result = dict(environment)
    parts = running_parts(settings.data)
    if parts is None:
        return result
    if settings.is_engine_embedded and parts.engine is not None:
        others = {name: value for name, value in result.items() if not name.startswith("CLICKHOUSE_")}
        result = others | {
            "CLICKHOUSE_URL": parts.engine,
            "CLICKHOUSE_USER": ENGINE_USER,
            "CLICKHOUSE_PASSWORD": _token(settings.data),
            "CLICKHOUSE_DATABASE": settings.clickhouse_database,
        }
    if settings.is_broker_embedded and parts.broker is not None:
        result = of_embedded_broker(result, parts.broker)
    return result


def _token(folder: Path) -> str:
    try:
        return (folder / ADMIN_TOKEN_FILE).read_text().strip()
    except OSError as error:
        raise FolderInUseError(
            f"the data folder `{folder}` is in use, and its admin token cannot be read: {error.strerror}",
            "commands beside a `birdhouse run` are for the user who started it",
        ) from error
