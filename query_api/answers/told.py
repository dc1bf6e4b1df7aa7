"""Counts how often a caller was told that its rows are stored: what was asked before that may not have them."""

from __future__ import annotations

from typing import Protocol


class Told(Protocol):
    """A number that only grows, the same for everyone who answers or takes events."""

    def now(self) -> int: ...

    def advance(self) -> None:
        """To be called before a caller is told."""
        ...


class LocalTold:
    """The number of one process, for its event loop's thread."""

    def __init__(self) -> None:
        self._number = 0

    def now(self) -> int:
        return self._number

    def advance(self) -> None:
        self._number += 1
