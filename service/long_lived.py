"""Keeps Python's garbage collector away from what lives as long as the process."""

from __future__ import annotations

import gc

# Containers that a process makes before the collector looks at the young ones: 700 are few requests' worth. Next to
# nothing of ours is garbage by a circle; what it looks for is rare, so it may wait.
_YOUNG = 10_000


def freeze_long_lived() -> None:
    """To be called once, when everything is loaded and before the first request.

    A full collection walks all of the modules and the project, 50 ms in which no request is answered, several times
    a minute under load. What is frozen is not walked, and still goes when its last reference does
    (https://docs.python.org/3/library/gc.html#gc.freeze).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)
