"""The stream that all processes log to, each of their writes in one piece."""

from __future__ import annotations

import fcntl
import io
import logging
import os
from pathlib import Path
from typing import TextIO, cast

_LOCK = "log"


class _SharedStream(io.TextIOBase):
    """Writes what it is given at once, while no other process does: a pipe takes 4 KiB in one piece and no more, and
    lines that are gathered are longer. The system takes the lock back from a process that is killed."""

    def __init__(self, stream: TextIO, folder: Path) -> None:
        self._stream = stream
        # Not with the lock of a range of bytes, which is the process's: other threads log too.
        self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)

    def write(self, text: str) -> int:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            written = self._stream.write(text)
            self._stream.flush()
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
        return written

    def flush(self) -> None:
        """Nothing waits to be written."""

    def isatty(self) -> bool:
        return self._stream.isatty()


def shared_stream(stream: TextIO, folder: Path) -> TextIO:
    """`stream` for writers in several processes; `folder` is the same for all that share it."""
    return cast("TextIO", _SharedStream(stream, folder))  # of which a log handler needs no more


def name_process(number: int) -> None:
    """Have every line that this process logs from now on say which it is."""

    def name(record: logging.LogRecord) -> bool:
        record.fields = {**getattr(record, "fields", {}), "process": number}
        return True

    for handler in logging.getLogger().handlers:
        handler.addFilter(name)
