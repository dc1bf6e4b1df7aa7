"""Writes log lines to a stream: those of a busy event loop together, others at once, the same again once a minute."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from typing import TextIO

from service.repeats import Repeats

# Nobody misses a line that comes this much later, and a write for each is a fifteenth of a small request.
_GATHER_SECONDS = 0.05
_MOST_LINES = 1_000


class GatheringHandler(logging.StreamHandler[TextIO]):
    """Lines below WARNING that are logged on an event loop's thread are written together: 0.05 s later, or when the
    loop has its next turn after that.

    Everything else is written at once, after what was gathered, so that lines stay in their order. A warning that says
    again what was said within a minute is held back and counted. `logging` flushes
    its handlers when the process ends; only a process that is killed loses what it had gathered.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._repeats = Repeats()
        # The one that is to write what is gathered, and where it runs.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            for passed in self._repeats.pass_on(record):
                self._lines.append(self.format(passed) + self.terminator)
            if record.levelno >= logging.WARNING or len(self._lines) >= _MOST_LINES or not self._is_gathering(record):
                self.flush()
        except RecursionError:  # as in StreamHandler
            raise
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Write what was gathered. Raises what the stream raises."""
        self.acquire()
        try:
            lines, self._lines = self._lines, []
            if lines:
                self.stream.write("".join(lines))
            super().flush()
        finally:
            self.release()

    def close(self) -> None:
        """Write what is still held back as well."""
        self.acquire()
        try:
            self._lines += [self.format(held) + self.terminator for held in self._repeats.rest()]
            with suppress(ValueError, OSError):  # the stream may be closed before us
                self.flush()
        finally:
            self.release()
        super().close()

    def _is_gathering(self, record: logging.LogRecord) -> bool:
        # Asking which loop runs here is a call of the kernel until Python 3.12: not for each line.
        if self._thread == threading.get_ident() and self._loop is not None and self._loop.is_running():
            return True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._loop is not loop:
            self._loop, self._thread = loop, threading.get_ident()
            loop.call_later(_GATHER_SECONDS, self._write_gathered, record)
        return True

    def _write_gathered(self, record: logging.LogRecord) -> None:
        self._loop = None
        try:
            self.flush()
        except Exception:
            self.handleError(record)
