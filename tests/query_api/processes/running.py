"""The `query-api` command with several processes, as whoever runs it sees it, before a ClickHouse that answers at once
or when a test says so."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from query_api.access.auth import derive_token
from tests.query_api.fakes import SECRET

TOKEN = derive_token(SECRET.encode(), "admin")
PATIENCE_SECONDS = 60.0


class FakeClickHouse:
    """Answers each question with its SQL; one that holds `slow` when `gate` is set."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.slow = 0  # how many of those have come

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler) -> None:  # noqa: N805 - `self` is the server around it
                sql = handler.rfile.read(int(handler.headers["Content-Length"]))
                if b"slow" in sql:
                    self.slow += 1
                    self.gate.wait(PATIENCE_SECONDS)
                body = b"1\n" if sql == b"SELECT 1" else sql
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

            def log_message(handler, format: str, *arguments: object) -> None:  # noqa: N805 - as above
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()


class Running:
    """One started command; `port` and `admin_port` are known once it has `listened`."""

    def __init__(self, project: Path, log: Path, environment: Mapping[str, str]) -> None:
        self.project, self.log = project, log
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BIRDHOUSE_", "KAFKA_", "CLICKHOUSE_"))
        }
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "query_api"],
                stderr=stderr,
                stdin=subprocess.DEVNULL,
                env={
                    **inherited,
                    "BIRDHOUSE_SECRET": SECRET,
                    "BIRDHOUSE_API_PORT": "0",
                    "BIRDHOUSE_API_ADMIN_PORT": "0",
                    "BIRDHOUSE_API_PROCESSES": "2",
                    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
                    "PROJECT_DIR": str(project),
                    **environment,
                },
            )
        self.port = self.admin_port = 0

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """What it logged, or of that what says so."""
        whole = self.log.read_text(errors="replace").rpartition("\n")[0].splitlines()
        parsed = [json.loads(line) for line in whole if line.startswith("{")]
        return [line for line in parsed if message in line["message"]]

    def until(self, is_true: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
        end = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < end, self.log.read_text(errors="replace")
            time.sleep(0.01)

    def listens(self) -> None:
        """Wait until its ports are known."""
        self.until(lambda: self.lines("listening") or self.process.poll() is not None)
        assert self.process.poll() is None, self.log.read_text(errors="replace")
        line = self.lines("listening")[0]
        self.port, self.admin_port = line["port"], line["admin_port"]

    def answers(self, count: int = 2) -> None:
        """Wait until so many processes answer."""
        self.listens()
        self.until(lambda: sum(each["state"] == "answering" for each in self.processes()) == count)

    def ask(self, path: str, port: int | None = None, token: str = TOKEN) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.ask("/status", self.admin_port)[1]))

    def processes(self) -> list[dict[str, Any]]:
        return list(self.status()["processes"])

    def metric(self, name: str) -> float:
        """The sum of all series that begin so."""
        text = self.ask("/metrics", self.admin_port)[1].decode()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code, once it is gone after this signal."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


def write_project(folder: Path, **pipes: str) -> Path:
    """A project of these endpoints, by their SQL."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.pipe"):
        path.unlink()
    for name, sql in pipes.items():
        (folder / f"{name}.pipe").write_text(f"NODE endpoint\nSQL >\n    %\n    {sql}\n\nTYPE endpoint\n")
    return folder


@contextmanager
def running(
    folder: Path, clickhouse: FakeClickHouse, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """The command over a project of two endpoints, one of which waits; killed at the end if it still runs."""
    project = write_project(folder / "project", quick="SELECT 'quick'", slow="SELECT 'slow', {{Int32(n, 0)}}")
    started = Running(project, folder / "log", {"CLICKHOUSE_URL": clickhouse.url, **(environment or {})})
    try:
        yield started
    finally:
        clickhouse.gate.set()
        if started.process.poll() is None:
            started.process.send_signal(signal.SIGTERM)
            try:
                started.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                started.process.kill()
                started.process.wait()
