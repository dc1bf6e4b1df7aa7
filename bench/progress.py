"""Says what takes a while, for people who wait for a bench."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(say: Callable[[str], None], text: str) -> Iterator[None]:
    """Say what takes a while, and how long it took."""
    started = time.monotonic()
    yield
    say(f"  {text}: {time.monotonic() - started:.1f} s")
