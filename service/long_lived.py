"""Keeps Python's garbage collector away from what lives as long as the process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Containers that a process makes before the collector looks at the young ones: 700 are few requests' worth. Next to
# nothing of ours is garbage by a circle; what it looks for is rare, so it may wait.
_YOUNG = 10_000


@contextmanager
def loading_long_lived() -> Iterator[None]:
    """To be had around what a process loads before its first request; all that is there at its end is left alone.

    Nearly all of that stays, so the collector would walk more and more of it for nothing: a tenth of a start with 500
    pipes. Garbage by a circle is some 2,000 objects then, of modules, however large the project.
    """
    gc.disable()
    try:
        yield
        _leave_alone()
    finally:
        gc.enable()


def freeze_long_lived() -> None:
    """To be called once, when everything is loaded and before the first request.

    A full collection walks all of the modules and the project, 50 ms in which no request is answered, several times
    a minute under load. What is frozen is not walked, and still goes when its last reference does
    (https://docs.python.org/3/library/gc.html#gc.freeze).
    """
    gc.collect()
    _leave_alone()


def _leave_alone() -> None:
    gc.freeze()
    gc.set_threshold(_YOUNG)
