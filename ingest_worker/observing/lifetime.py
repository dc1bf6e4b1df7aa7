"""The beginning and the end of a worker."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ingest_worker.observing.observations import Observation
from service.observing.declared import Line, Without


@dataclass(frozen=True, slots=True)
class WorkerStarted(Observation):
    log = Line(logging.INFO, "started")
    metrics = Without("the process's own metrics say since when it runs")

    data_sources: tuple[str, ...]
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkerStopped(Observation):
    """`drained` says whether everything that was read is stored and committed."""

    log = Line(logging.INFO, "stopped")
    metrics = Without("nobody asks a process that has ended")

    drained: bool
