"""Asks a server every few seconds whether it is there, on a thread that does nothing else: an outage is known while
everything that works with the server waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ingest_worker.observing.observations import Observer, report_failure
from ingest_worker.observing.servers import ServerAnswers, ServerLost

# Two looks in a row must fail, so that a pause of a few seconds is no outage: at most 3 + 3 + 1 + 3 s after the last
# answer it is known.
INTERVAL_SECONDS = 3.0
ANSWER_SECONDS = 3.0
_AGAIN_SECONDS = 1.0
_FAILURES = 2
# A look that has not even failed after this long is an answer too.
_PATIENCE_SECONDS = 9.0


class Looks:
    """`ask` says why the server is not there, None when it is; it may raise, and should not take longer than
    `ANSWER_SECONDS`. `server` is its name for people."""

    def __init__(
        self,
        server: str,
        ask: Callable[[], str | None],
        observe: Observer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self._ask = ask
        self._observe = observe
        self._clock = clock
        self._failures = 0
        self._said: str | None = None
        self._has_answered = False
        self._asked_at: float | None = None

    @property
    def reason(self) -> str | None:
        """Why the server counts as away, None while it does not. May be asked from any thread."""
        asked_at = self._asked_at
        if asked_at is not None and self._clock() - asked_at > _PATIENCE_SECONDS:
            return f"no answer for {self._clock() - asked_at:.0f} s"
        return self._said

    def run(self, stop: threading.Event) -> None:
        """Look until `stop`. Blocks."""
        while not stop.is_set():
            stop.wait(self.look())

    def look(self) -> float:
        """Look once; seconds until the next look."""
        self._asked_at = self._clock()
        try:
            found = self._ask()
        except Exception as error:
            report_failure(f"look at {self.server}", error, self._observe, _AGAIN_SECONDS)
            found = f"the last look failed unexpectedly: {type(error).__name__}"
        self._asked_at = None
        if found is None:
            if self._said is not None or not self._has_answered:
                self._observe(ServerAnswers(self.server))
            self._failures, self._said, self._has_answered = 0, None, True
            return INTERVAL_SECONDS
        self._failures += 1
        if self._failures >= _FAILURES:
            self._said = found
            self._observe(ServerLost(self.server, found))
        return _AGAIN_SECONDS
