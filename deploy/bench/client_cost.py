"""What the load generator itself costs and how fast it can be, so that it is not what a bench measures."""

from __future__ import annotations

from deploy.bench import canned_server
from deploy.bench.command import started_command
from deploy.bench.load import Load, run_load
from deploy.bench.server_command import becomes_ready, free_port
from deploy.bench.workspace import Workspace
from deploy.errors import BenchError

_REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
# About what a small answer of an endpoint has.
_BODY_BYTES = 2_000


def client_alone(space: Workspace, connections: int, seconds: float) -> Load:
    """The load generator against a server that does nothing but answer."""
    port = free_port()
    arguments = ("-m", canned_server.__name__, str(port), str(_BODY_BYTES))
    with started_command("the canned server", arguments, {}, space.folder / "canned.log") as command:

        def answers() -> bool:
            try:
                return bool(run_load(("127.0.0.1", port), [_REQUEST], connections=1, seconds=0.01).accepted)
            except BenchError:
                return False

        if not becomes_ready(answers, lambda: command.process.poll() is None):
            command.check_alive()
        return run_load(("127.0.0.1", port), [_REQUEST], connections=connections, seconds=seconds)
