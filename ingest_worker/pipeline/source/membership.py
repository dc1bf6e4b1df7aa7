"""Whether a consumer has joined its group, and what the brokers refuse to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

# A refusal that is not said again for so long, by a member that has joined, is over.
_TROUBLE_SECONDS = 60.0


class _Trouble(NamedTuple):
    text: str
    at: float  # when it was said, on the clock


class Membership:
    """Written by the thread that reads; may be looked at from any."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.has_joined = False
        self._clock = clock
        self._trouble: _Trouble | None = None
        self._commit_error: str | None = None

    def refused_because(self) -> str | None:
        """What the brokers refuse to this member as far as it is known."""
        trouble = self._trouble
        if trouble is not None and (not self.has_joined or self._clock() - trouble.at < _TROUBLE_SECONDS):
            return trouble.text
        return f"commits are refused: {self._commit_error}" if self._commit_error is not None else None

    def joined(self) -> None:
        self.has_joined, self._trouble = True, None

    def left(self) -> None:
        self.has_joined = False

    def troubled(self, text: str) -> None:
        """A broker refuses something that is not of one partition."""
        self._trouble = _Trouble(text, self._clock())

    def committed(self) -> None:
        """A broker has taken a commit."""
        self._commit_error = self._trouble = None

    def commit_refused(self, text: str) -> None:
        self._commit_error = text
