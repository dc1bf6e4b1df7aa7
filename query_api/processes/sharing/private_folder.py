"""The folder of what the processes of one API share: in memory where there is such a place, gone when they are."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "birdhouse-api-"
_LOCK = "alive"
# Nothing in it is worth a disk's work, which counting would wait for.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder in it is made by mkdtemp, for its owner alone
# Containers have 64 MB there; a process that finds no room for its counts any more is ended by the system.
_ROOM = 256 << 20


@contextmanager
def private_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder that only this user can enter, removed at the end. What parents that were killed left is removed
    first."""
    place = parent or _place()
    _remove_left(place)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    held = os.open(folder / "new", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    (folder / "new").rename(folder / _LOCK)  # whoever finds it finds it locked
    try:
        yield folder
    finally:
        remove(folder)
        os.close(held)


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _place() -> Path:
    has_room = os.access(_IN_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(_IN_MEMORY).free >= _ROOM
    return _IN_MEMORY if has_room else Path(tempfile.gettempdir())


def _remove_left(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        # Other users' cannot be opened; one that is being made has no such file yet.
        with suppress(OSError):
            if folder.stat().st_uid != os.getuid():
                continue
            held = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(folder)
            finally:
                os.close(held)
