"""Several probers at once, for as long as something else takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Any, Self

from bench.load.caller import Caller
from bench.load.probes import EVENT_TYPE, Prober

PROBERS = 4
"""A fill takes seconds, and one prober knows of two or three probes a second."""

# Between two probes of one prober, so that they do not fall into step with anything that has a period.
_PAUSES = (0.02, 0.3)


@dataclass(frozen=True, slots=True)
class Busy:
    """`seconds` of every probe that was sent while something ran, and how long that took."""

    seconds: tuple[float, ...]
    took: float


class Probing:
    """Probers with a connection each."""

    def __init__(self, config: dict[str, Any], topic: str, api_url: str, token: str, seed: int) -> None:
        self._open = ExitStack()
        callers = [self._open.enter_context(Caller(api_url, token)) for _ in range(PROBERS)]
        self._probers = [
            Prober(config, topic, caller, f"{EVENT_TYPE}_{number}") for number, caller in enumerate(callers)
        ]
        self._seed = seed

    @property
    def sent(self) -> int:
        """How many probes are in the topic."""
        return sum(prober.sent for prober in self._probers)

    def during(self, work: Callable[[], None]) -> Busy:
        """Probe while `work` runs here. Those that are under way when it ends count; each prober sends one at least.

        Raises what `work` raises, and `BenchError` for a probe that nobody gets to see.
        """
        over = threading.Event()
        with ThreadPoolExecutor(PROBERS) as pool:
            running = [pool.submit(self._probe, number, over) for number in range(PROBERS)]
            started = time.monotonic()
            try:
                work()
            finally:
                took = time.monotonic() - started
                over.set()
        return Busy(tuple(seconds for prober in running for seconds in prober.result()), took)

    def _probe(self, number: int, over: threading.Event) -> list[float]:
        random = Random(f"{self._seed}/{number}")  # noqa: S311 - repeatable, not secret
        found = [self._probers[number].probe()]
        while not over.wait(random.uniform(*_PAUSES)):
            found.append(self._probers[number].probe())
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()
