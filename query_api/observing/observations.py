"""What an observation of the API is and who is told of it; what only watches never ends what it watches."""

from __future__ import annotations

import logging
from collections.abc import Callable

from service.observing.declared import Declared

logger = logging.getLogger(__name__)


class Observation(Declared):
    """Everything of the query API that is worth observing: a closed set, `query_api.observing.metrics.OBSERVATIONS`."""

    __slots__ = ()


Observer = Callable[[Observation], None]


def to_all(*observers: Observer) -> Observer:
    """One observer that tells all of these, in their order. It never raises: what only watches must not end what it
    watches."""

    def observe(observation: Observation) -> None:
        for observer in observers:
            try:
                observer(observation)
            except Exception:
                logger.exception("an observer failed", extra={"fields": {"of": type(observation).__name__}})

    return observe
