"""One server of each kind for all processes of a test run: whoever needs one asks, and one process starts it.

That process is pytest's own, or with workers of pytest-xdist the one that hands tests out to them. They ask by a file
in the temporary folder of the run, and the answer is another one beside it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.containers import ContainerRun
from tests.secured.secured_kafka import SecuredKafka, secured_kafka
from tests.servers import ClickHouseServer, KafkaServer, ServerUnavailableError, clickhouse_server, kafka_server

Server = KafkaServer | ClickHouseServer | SecuredKafka


@dataclass(frozen=True)
class Kind:
    """How a server of the kind is started, its files in a folder, and made again from what is told of it."""

    start: Callable[[Path, ContainerRun], AbstractContextManager[Server]]
    read: Callable[..., Server]


KINDS: Mapping[str, Kind] = {
    "kafka": Kind(kafka_server, KafkaServer),
    "clickhouse": Kind(clickhouse_server, ClickHouseServer),
    "secured-kafka": Kind(lambda folder, _: secured_kafka(folder), SecuredKafka),
}
# Longer than all attempts to start a server take; the time-out of the test that asks ends it sooner.
_PATIENCE_SECONDS = 400.0
_LOOK_SECONDS = 0.05


class RunServers:
    """Starts a server when it is asked for first, and ends all of them when it is closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._containers = ContainerRun()
        self._started: dict[str, Server] = {}

    def start(self, kind: str) -> Server:
        """Raises `ServerUnavailableError` where there is no way to have it."""
        if kind not in self._started:
            if not self._started:
                self._stack.enter_context(self._containers)
            folder = self._folder / f"{kind}-of-run"
            folder.mkdir()
            self._started[kind] = self._stack.enter_context(KINDS[kind].start(folder, self._containers))
        return self._started[kind]

    def close(self) -> None:
        self._stack.close()


@contextmanager
def answering(folder: Path) -> Iterator[None]:
    """While the context lasts, whoever asks in `folder` is answered, on a thread."""
    ended = threading.Event()
    servers = RunServers(folder)

    def answer() -> None:
        open_questions = set(KINDS)
        while not ended.wait(_LOOK_SECONDS):
            for kind in [kind for kind in open_questions if _question(folder, kind).exists()]:
                open_questions.remove(kind)
                _write(folder, kind, _start(servers, kind))

    thread = threading.Thread(target=answer, name="servers of the run")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        servers.close()


def ask(folder: Path, kind: str) -> Server:
    """The server, started if nobody has asked before. Raises `ServerUnavailableError` where there is no way to have it,
    and `AssertionError` with its log when it does not start."""
    _question(folder, kind).touch()
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while not (answer := _answer(folder, kind)).exists():
        assert time.monotonic() < give_up, f"nobody has started {kind}"
        time.sleep(_LOOK_SECONDS)
    told = json.loads(answer.read_text())
    if "unavailable" in told:
        raise ServerUnavailableError(told["unavailable"])
    assert "failed" not in told, told["failed"]
    return KINDS[kind].read(**told)


def _start(servers: RunServers, kind: str) -> dict[str, Any]:
    try:
        return asdict(servers.start(kind))
    except ServerUnavailableError as error:
        return {"unavailable": str(error)}
    except Exception as error:  # whatever it is: the tests that need it fail with it
        return {"failed": f"{type(error).__name__}: {error}"}


def _write(folder: Path, kind: str, answer: dict[str, Any]) -> None:
    # Renamed, so that nobody reads half of it.
    written = folder / f"{kind}.writing"
    written.write_text(json.dumps(answer))
    written.rename(_answer(folder, kind))


def _question(folder: Path, kind: str) -> Path:
    return folder / f"{kind}.wanted"


def _answer(folder: Path, kind: str) -> Path:
    return folder / f"{kind}.answer"
