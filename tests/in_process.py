"""The `birdhouse` command and the services' first looks at their servers in the test's own process.

A process of its own takes a second of CPU before it does anything: those are for tests of what a process alone shows.
"""

from __future__ import annotations

import asyncio
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner

from deploy.cli import main
from ingest_worker.service import IngestService
from ingest_worker.settings import IngestSettings
from query_api.app import create_admin, create_app
from query_api.settings import QueryApiSettings
from schemas.project import load_project
from service.settings import load_settings
from tests.ingest_worker.house import until

NO_LOOK_YET = "no answer yet"


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def birdhouse(environment: Mapping[str, str], *arguments: str) -> Said:
    """The command in exactly this environment. What it did not expect is raised."""
    absent = dict.fromkeys(os.environ.keys() - environment.keys())
    ended = CliRunner().invoke(main, arguments, env={**absent, **environment})
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Said(ended.exit_code, ended.stdout, ended.stderr)


async def api_is_not_ready_because(environment: Mapping[str, str]) -> str:
    """What `/readyz` of the API says once it has looked at ClickHouse."""
    app = create_app(load_settings(QueryApiSettings, environment), environment=environment)
    async with TestClient(TestServer(app)), TestClient(TestServer(create_admin(app))) as admin:
        while True:
            async with admin.get("/readyz") as answer:
                told = await answer.text()
            if f"ClickHouse: {NO_LOOK_YET}" not in told:
                return told
            await asyncio.sleep(0.02)


class RunningWorker:
    """A worker with its admin port, from its start on, as the `ingest-worker` command runs one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        settings = load_settings(IngestSettings, environment)
        project = load_project(settings.project_folder, environment=environment)
        self._service = IngestService(settings, environment, project, may_apply=settings.deploy_on_start)
        self._url = self._service.listen()
        self._stop = threading.Event()
        self._start = threading.Thread(target=self._deploy_and_start, name="start of a worker")
        self._start.start()

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of what the admin port answers."""
        try:
            with urllib.request.urlopen(f"{self._url}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stop(self) -> None:
        """Drain and end."""
        self._stop.set()
        self._start.join()
        self._service.stop()

    def _deploy_and_start(self) -> None:
        self._service.deploy(self._stop)
        if not self._stop.is_set():
            self._service.start()


def worker_waits_because(environment: Mapping[str, str]) -> str:
    """What the worker's `/readyz` says of a ClickHouse that it waits for, once it has asked."""
    worker = RunningWorker({**environment, "BIRDHOUSE_INGEST_ADMIN_PORT": "0"})
    try:
        until(lambda: NO_LOOK_YET not in worker.get("/readyz")[1])
        return worker.get("/readyz")[1]
    finally:
        worker.stop()
