"""ClickHouse in this process: chDB on a folder that this process owns alone."""

from __future__ import annotations

import fcntl
import importlib
import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from deploy.errors import EngineError, FolderInUseError, MissingExtraError

logger = logging.getLogger(__name__)

LOCK_FILE = "lock"
STORE_FOLDER = "clickhouse"


class EmbeddedEngine:
    """The engine on `folder` (which also holds the lock file), from `start` to `stop`.

    One process has at most one engine, on one folder.
    """

    _open: ClassVar[EmbeddedEngine | None] = None

    @classmethod
    def running(cls) -> EmbeddedEngine | None:
        """The one that is open in this process."""
        return cls._open

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store = folder / STORE_FOLDER
        self._lock: int | None = None
        # A handle that is open as long as we are: chDB shuts its server down with the last one.
        self._anchor: Any = None

    def start(self) -> None:
        """Take the folder and open the engine on it; blocks for about 0.6 s.

        Raises `FolderInUseError` when another process has the folder, `MissingExtraError`, `EngineError`.
        """
        self._lock = _take(self.folder)
        try:
            self._anchor = _load_chdb().connect(str(self._store))
        except RuntimeError as error:
            self.stop()
            raise EngineError(
                f"the embedded engine cannot open `{self._store}`: {error}",
                "set BIRDHOUSE_DATA to another folder; what this one holds stays where it is",
            ) from error
        except MissingExtraError:
            self.stop()
            raise
        EmbeddedEngine._open = self
        logger.info("embedded engine started", extra={"fields": {"folder": str(self.folder)}})

    def client(self) -> Client:
        """A client of its own, for one thread at a time; opening takes 15 ms.

        chDB may answer the next query on a handle with what was left of one that failed half-way, so close a
        client after an error and take another.
        """
        return clickhouse_connect.get_client(interface="chdb", path=str(self._store))

    def handle(self) -> Any:
        """A bare chDB connection (0.1 ms to open), to be closed by the caller."""
        return _load_chdb().connect(str(self._store))

    def stop(self) -> None:
        """End every query that still runs, close the engine and give the folder back. Blocks for some 10 ms."""
        if self._anchor is not None:
            with suppress(RuntimeError):  # what still runs is ended by closing, only later
                self._anchor.query("KILL QUERY WHERE 1 ASYNC")
            self._anchor.close()
            self._anchor = None
            EmbeddedEngine._open = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _take(folder: Path) -> int:
    """An open file descriptor that holds the folder's lock; the kernel drops it with the process, however it ends."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise FolderInUseError(
            f"the data folder `{folder}` is in use by process {owner}",
            "stop that `birdhouse run` first, or set BIRDHOUSE_DATA to another folder",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def is_folder_in_use(folder: Path) -> bool:
    """Whether a process owns the folder right now."""
    try:
        os.close(_take(folder))
    except FolderInUseError:
        return True
    return False


def _load_chdb() -> Any:
    """The chdb module, with UTC as its time zone: a server in a container has that, and rows must not depend on
    where a laptop stands. The engine reads TZ once, when it is loaded."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    try:
        return importlib.import_module("chdb")
    except ImportError:
        raise MissingExtraError("chdb") from None
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
