"""What an observation of the worker is and who is told of it; what only watches never ends what works."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from service.observing.declared import Declared, Without
from service.observing.metric import Counter

logger = logging.getLogger(__name__)
# What fails at every observation would fill the log: the metric counts them all.
_REPEAT_SECONDS = 60.0


class Observation(Declared):
    """Everything about a worker that is worth knowing: a closed set, `ingest_worker.observing.metrics.OBSERVATIONS`."""

    __slots__ = ()


Observer = Callable[[Observation], None]
"""What every part of the worker tells its observations to, from any thread. It must not block."""


@dataclass(frozen=True, slots=True)
class UnexpectedFailure(Observation):
    """Something failed that nobody thought of; its traceback is in the log, and the work is taken up again. `where` is
    the kind of the thread, or `observer` for what only watches."""

    log = Without("it is logged where it happens, with its traceback")
    metrics = (
        Counter(
            "unexpected_failures",
            "Failures that nobody thought of, by kind of thread, or `observer`: the log has the traceback. The work is"
            " taken up again.",
            ("where",),
        ).inc(),
    )

    where: str


def observe_by(*observers: Observer) -> Observer:
    """One observer that hands every observation to all of them, and never raises: what only watches must not end what
    works. An observer that fails is logged with its traceback, and counted by those that can."""
    quiet_until: dict[tuple[int, type, type], float] = {}

    def observe(observation: Observation) -> None:
        for number, observer in enumerate(observers):
            try:
                observer(observation)
            except Exception as error:
                kind, now = (number, type(observation), type(error)), time.monotonic()
                if now >= quiet_until.get(kind, now):
                    quiet_until[kind] = now + _REPEAT_SECONDS
                    fields = {"observation": type(observation).__name__}
                    logger.exception("an observer failed, the work goes on", extra={"fields": fields})
                for other in observers:
                    with suppress(Exception):
                        other(UnexpectedFailure("observer"))

    return observe


def report_failure(where: str, error: BaseException, observe: Observer, retry_seconds: float) -> None:
    """Say what nobody expected, with its traceback. Whoever calls this goes on after that time."""
    fields = {"where": where, "retry_seconds": round(retry_seconds, 3)}
    logger.error("unexpected failure, the work is taken up again", exc_info=error, extra={"fields": fields})
    observe(UnexpectedFailure(where))
