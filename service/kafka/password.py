"""Kafka clients whose password is in a file: each goes on with what the file holds now."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

from confluent_kafka import KafkaException

from service.secret_files import LOOK_SECONDS, FileSecret

USERNAME, PASSWORD = "sasl.username", "sasl.password"

logger = logging.getLogger(__name__)


class PasswordOfFile(str):
    """`sasl.password` in a client's configuration: the value when that was made, and where the value of now is."""

    __slots__ = ("secret",)
    secret: FileSecret

    @classmethod
    def now(cls, secret: FileSecret) -> PasswordOfFile:
        password = cls(secret.get_secret_value())
        password.secret = secret
        return password


class _Client(Protocol):
    def set_sasl_credentials(self, username: str, password: str, /) -> None: ...


T = TypeVar("T")


def opened(kind: Callable[..., T], config: Mapping[str, Any]) -> T:
    """A client of that class (Producer, Consumer, AdminClient). Where the password is a file's, the client begins with
    what the file holds now, and makes each later connection with what it holds then, as long as the client is used.

    Raises what the class raises for its configuration.
    """
    password = config.get(PASSWORD)
    if not isinstance(password, PasswordOfFile):
        return kind(dict(config))
    current = PasswordOfFile.now(password.secret)
    client = _weakly(kind)({**config, PASSWORD: str(current)})
    _follower.follow(client, str(config.get(USERNAME, "")), current)
    return cast("T", client)


@lru_cache(maxsize=8)
def _weakly(kind: Any) -> Any:
    """The class so that its objects can be referred to weakly, which those of the client's C classes cannot."""
    return type(kind.__name__, (kind,), {}) if isinstance(kind, type) else kind


class _Follower:
    """One thread for all clients of the process, begun with the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: WeakKeyDictionary[_Client, tuple[str, PasswordOfFile]] = WeakKeyDictionary()
        self._thread: threading.Thread | None = None

    def follow(self, client: _Client, username: str, password: PasswordOfFile) -> None:
        with self._lock:
            self._clients[client] = (username, password)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="kafka-passwords", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_SECONDS):
            try:
                self._look()
            except Exception:
                # Whatever it is, the next look is another chance.
                logger.exception("Kafka's passwords could not be looked at")

    def _look(self) -> None:
        with self._lock:
            clients = list(self._clients.items())
        for client, (username, password) in clients:
            value = password.secret.get_secret_value()
            if value == password:
                continue
            # A client that is closed refuses it.
            with suppress(KafkaException, RuntimeError):
                client.set_sasl_credentials(username, value)
            with self._lock:
                self._clients[client] = (username, PasswordOfFile.now(password.secret))


_follower = _Follower()
