"""The beginning and the end of the API, and what fails beside its requests."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from query_api.observing.observations import Observation
from service.observing.declared import Line, Without
from service.observing.metric import Counter


@dataclass(frozen=True, slots=True)
class Listening(Observation):
    """The API takes requests; `host` and `port` are what it is bound to."""

    log = Line(logging.INFO, "listening")
    metrics = Without("whoever asks for metrics knows where")

    host: str
    port: int
    admin_port: int


@dataclass(frozen=True, slots=True)
class Stopping(Observation):
    """No new requests are taken; those in flight have `seconds` to end."""

    log = Line(logging.INFO, "stopping")
    metrics = Without("nobody asks a process that ends")

    seconds: float

    def log_fields(self) -> dict[str, object]:
        return {"seconds": self.seconds}  # as it was set


@dataclass(frozen=True, slots=True)
class BackgroundFailed(Observation):
    """Something unexpected happened to what runs beside requests; it has been taken up again. `task` is one of a few
    names of ours."""

    log = Line(logging.ERROR, "unexpected failure in the background, going on", traceback="error")
    metrics = (
        Counter(
            "background_failures",
            "Unexpected failures of what runs beside requests, taken up again: each is a defect, see the log.",
            ("task",),
        ).inc(),
    )

    task: str
    error: BaseException
