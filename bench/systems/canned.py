"""The canned server as a process, and what is measured with it: the load generator alone, and endpoints of an API
whose ClickHouse answers at once."""

from __future__ import annotations

import http.client
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import OWN_MODULES
from bench.errors import BenchError
from bench.load.generator import Load, run_load
from bench.load.requests import endpoint_request
from bench.systems import canned_server
from bench.systems.command import API, Command, started_command
from bench.systems.server_command import becomes_ready, free_port
from bench.systems.workspace import Workspace
from query_api.access.auth import ADMIN, derive_token

Address = tuple[str, int]

_REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
# About what a small answer of an endpoint has.
_BODY_BYTES = 2_000
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (_BODY_BYTES, b"x" * _BODY_BYTES)
_RECORD_SECONDS = 60.0


def client_alone(space: Workspace, connections: int, seconds: float) -> Load:
    """The load generator against a server that does nothing but answer."""
    with _serving(space, _ANSWER) as address:
        return run_load(address, [_REQUEST], connections=connections, seconds=seconds)


@dataclass(frozen=True, slots=True)
class ApiAlone:
    """An API whose ClickHouse answers every query with the same bytes at once."""

    api_url: str
    token: str
    command: Command

    def requests(self, pipe: str, values: Sequence[Mapping[str, str]]) -> list[bytes]:
        return [endpoint_request(self.api_url, self.token, pipe, each) for each in values]


@contextmanager
def api_alone(space: Workspace, project: Path, answer: bytes, *, processes: int = 1) -> Iterator[ApiAlone]:
    """The API's command, every other setting at its default, in front of a server with ClickHouse's recorded answer."""
    secret = secrets.token_hex(16)
    port, admin_port = free_port(), free_port()
    with _serving(space, answer) as (host, clickhouse_port):
        environment = {
            **space.servers.worker_environment,
            "CLICKHOUSE_URL": f"http://{host}:{clickhouse_port}",
            "PROJECT_DIR": str(project),
            "BIRDHOUSE_SECRET": secret,
            "BIRDHOUSE_API_PORT": str(port),
            "BIRDHOUSE_API_ADMIN_PORT": str(admin_port),
            # The default is one.
            **({"BIRDHOUSE_API_PROCESSES": str(processes)} if processes != 1 else {}),
        }
        with started_command("query-api", API, environment, space.folder / "alone.log") as command:
            # Never ready: what it reads from ClickHouse about the deployed schema is that answer too.
            command.wait_for(f"http://127.0.0.1:{admin_port}/livez")
            yield ApiAlone(f"http://127.0.0.1:{port}", derive_token(secret.encode(), ADMIN), command)


def recorded_answer(clickhouse: Address, request: bytes) -> bytes:
    """What ClickHouse answers to a prepared request, head and all, in one chunk as it sends small answers."""
    with closing(socket.create_connection(clickhouse, timeout=_RECORD_SECONDS)) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection, method="POST")
        response.begin()
        body = response.read()
    if response.status != http.HTTPStatus.OK:
        raise BenchError(f"ClickHouse refused a query: {body[:300].decode(errors='replace')}")
    kept = [
        (name, text) for name, text in response.getheaders() if name.lower() not in ("content-length", "connection")
    ]
    head = "\r\n".join(["HTTP/1.1 200 OK", *(f"{name}: {text}" for name, text in kept), "", ""])
    return head.encode("latin-1") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@contextmanager
def _serving(space: Workspace, answer: bytes) -> Iterator[Address]:
    """A canned server with this answer, and its address."""
    port = free_port()
    file = space.folder / f"canned-{port}"
    file.write_bytes(answer)
    arguments = ("-m", canned_server.__name__, str(port), str(file))
    with started_command("the canned server", arguments, OWN_MODULES, space.folder / "canned.log") as command:

        def answers() -> bool:
            try:
                return bool(run_load(("127.0.0.1", port), [_REQUEST], connections=1, seconds=0.01).accepted)
            except BenchError:
                return False

        if not becomes_ready(answers, lambda: command.process.poll() is None):
            command.check_alive()
        yield "127.0.0.1", port
