"""The event loop that a service runs on: uvloop's where there is one, else asyncio's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`; what runs in it sees no difference but the time that sockets and timers cost."""
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(main)


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    # It is not for every platform, and no start must fail for the want of speed.
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
