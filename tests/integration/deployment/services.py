"""Both services of a project: workers in the test's own process, and either service as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from bench.systems.server_command import free_port
from tests.in_process import RunningWorker

Get = Callable[[str], tuple[int, str]]
"""Asks a service's admin port for a path: status and body, or status 0 of a service that does not answer."""


class Services:
    """They write their logs into `folder`; `environment` is of those that are started from then on."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self._workers: list[RunningWorker] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def worker(self) -> Get:
        """Start a worker in this process."""
        self._workers.append(RunningWorker({**self.environment, "BIRDHOUSE_INGEST_ADMIN_PORT": "0"}))
        return self._workers[-1].get

    def stop_worker(self) -> None:
        """Let the last one drain and end."""
        self._workers.pop().stop()

    def worker_process(self) -> Get:
        return self._start("ingest_worker", "BIRDHOUSE_INGEST_ADMIN_PORT")

    def api(self) -> Get:
        return self._start("query_api", "BIRDHOUSE_API_ADMIN_PORT", "BIRDHOUSE_API_PORT")

    def log(self, module: str) -> str:
        """What a process has written."""
        return (self.folder / f"{module}.log").read_text()

    def end(self) -> None:
        """Ask all of them to end, and wait until they have."""
        while self._workers:
            self.stop_worker()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(60)

    def _start(self, module: str, setting: str, *ports: str) -> Get:
        port = free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BIRDHOUSE_")}
        own = {setting: str(port)} | {name: str(free_port()) for name in ports}
        with (self.folder / f"{module}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen([sys.executable, "-m", module], env=inherited | self.environment | own, stderr=log)
            )

        def get(path: str) -> tuple[int, str]:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()
            except OSError:
                return 0, ""

        return get
