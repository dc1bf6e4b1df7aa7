"""Birdhouse under test: worker and API as processes on servers, or `birdhouse run` with its embedded engine."""

from __future__ import annotations

import json
import multiprocessing
import secrets
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from bench.errors import BenchError
from bench.systems.command import API, RUN, WORKER, Command, started_command
from bench.systems.server_command import free_port
from bench.systems.workspace import Workspace
from deploy.embedded.engine import EmbeddedEngine
from query_api.access.auth import ADMIN, derive_token
from schemas.project import load_project
from service.deployment.apply import apply
from service.deployment.plan import read_plan

ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class System:
    """What runs. `commands` are by role, `worker` and `API`; both are the same process with the embedded engine.

    `ready_at` is the moment of `time.monotonic` at which the worker had its partitions.
    """

    database: str
    token: str
    api_url: str
    commands: dict[str, Command]
    ask: Callable[[str], list[list[Any]]]
    ready_at: float

    def check_alive(self) -> None:
        for command in self.commands.values():
            command.check_alive()


def prepare(space: Workspace, project: Path, database: str, statements: Sequence[str] = ()) -> None:
    """Deploy a project into an empty database, then run statements in it."""
    if not space.servers.is_engine_embedded:
        with closing(space.servers.client()) as client:
            _prepare(client, project, database, statements)
        return
    # The engine takes a folder once a process; `birdhouse run` is to have it afterwards.
    child = multiprocessing.get_context("spawn").Process(
        target=_prepare_embedded, args=(space.folder / ENGINE, project, database, tuple(statements))
    )
    child.start()
    child.join()
    if child.exitcode != 0:
        raise BenchError("the embedded engine could not be prepared; its reason is above")


def _prepare_embedded(folder: Path, project: Path, database: str, statements: Sequence[str]) -> None:
    with EmbeddedEngine(folder) as engine, closing(engine.client()) as client:
        _prepare(client, project, database, statements)


def _prepare(client: Client, project: Path, database: str, statements: Sequence[str]) -> None:
    apply(client, read_plan(client, load_project(project, environment={}), database))
    for statement in statements:
        client.command(statement, settings={"deduplicate_insert": "disable"})


@contextmanager
def running_system(
    space: Workspace, project: Path, database: str, *, has_worker: bool = True, has_api: bool = True
) -> Iterator[System]:
    """The commands on a deployed project, ready, with settings at their defaults but for addresses and names."""
    secret = secrets.token_hex(16)
    ports = {name: free_port() for name in ("API_PORT", "API_ADMIN_PORT", "INGEST_ADMIN_PORT")}
    environment = {
        **space.servers.worker_environment,
        "CLICKHOUSE_DATABASE": database,
        "PROJECT_DIR": str(project),
        "BIRDHOUSE_SECRET": secret,
        **{f"BIRDHOUSE_{name}": str(port) for name, port in ports.items()},
    }
    token = derive_token(secret.encode(), ADMIN)
    api_url = f"http://127.0.0.1:{ports['API_PORT']}"
    ready = {role: f"http://127.0.0.1:{ports[f'{name}_ADMIN_PORT']}/readyz" for role, name in _PORTS.items()}
    with ExitStack() as stack:
        if space.servers.is_engine_embedded:
            environment["BIRDHOUSE_DATA"] = str(space.folder / ENGINE)
            command = stack.enter_context(started_command("birdhouse run", RUN, environment, space.folder / "run.log"))
            commands = {"worker": command, "API": command}
            ask = _asker_over_http(api_url, token)
        else:
            wanted = {"worker": has_worker, "API": has_api}
            commands = {
                role: stack.enter_context(
                    started_command(_NAMES[role], arguments, environment, space.folder / f"{role}.log")
                )
                for role, arguments in (("API", API), ("worker", WORKER))
                if wanted[role]
            }
            client = stack.enter_context(closing(space.servers.client()))
            client.database = database
            ask = _asker(client)
        ready_at = max(command.wait_for(ready[role]) for role, command in commands.items())
        yield System(database, token, api_url, commands, ask, ready_at)


_PORTS = {"worker": "INGEST", "API": "API"}
_NAMES = {"worker": "ingest-worker", "API": "query-api"}


def _asker(client: Client) -> Callable[[str], list[list[Any]]]:
    return lambda sql: [list(row) for row in client.query(sql).result_rows]


def _asker_over_http(api_url: str, token: str) -> Callable[[str], list[list[Any]]]:
    def ask(sql: str) -> list[list[Any]]:
        request = urllib.request.Request(  # noqa: S310 - our own process
            f"{api_url}/v0/sql?{urllib.parse.urlencode({'q': f'{sql} FORMAT JSON'})}",
            headers={"Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - our own process
            return [list(row.values()) for row in json.load(response)["data"]]

    return ask
