"""SIGHUP: the project is read anew; where it says that the terminal is gone, the service stops instead."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def on_hangup(swap: Callable[[], Awaitable[None]], stop: asyncio.Event) -> Iterator[None]:
    """During the block each SIGHUP has `swap` called; those that come while it runs are one more call after it."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    had_terminal = sys.stderr.isatty()
    was_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

    def note() -> None:
        # The system sends one too to what runs in a terminal that is closed, but for what nohup started.
        if had_terminal and not sys.stderr.isatty() and not was_ignored:
            stop.set()
        asked.set()

    async def follow() -> None:
        while True:
            await asked.wait()
            asked.clear()
            try:
                await swap()
            except Exception:
                logger.exception("the project could not be read anew, the one before goes on")

    loop.add_signal_handler(signal.SIGHUP, note)
    following = asyncio.create_task(follow())
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        following.cancel()
