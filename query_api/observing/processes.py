"""The processes of one API: answering, ended and started again; and the project that all of them answer for."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from query_api.observing.observations import Observation
from service.observing.declared import Line, Without
from service.observing.metric import Counter, Gauge, Measure

_SWAPS = Counter(
    "project_swaps", "SIGHUPs by outcome: `swapped`, or `refused`, where what was answered for stays.", ("outcome",)
)

OF_PROCESSES: tuple[Measure, ...] = (
    Gauge("processes_answering", "Processes that take connections, where there are several.").set("answering"),
)


@dataclass(frozen=True, slots=True)
class ProcessAnswers(Observation):
    """A process takes connections, `seconds` after it was started."""

    log = Line(logging.INFO, "process {process} answers")
    metrics = Without("`processes_answering` counts them")

    process: int
    pid: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ProcessEnded(Observation):
    """A process ended that was not told to, by `how`; another one is started in its place after `seconds`."""

    log = Line(logging.ERROR, "process {process} ended and is started again")
    metrics = (
        Counter(
            "process_ends", "Processes that ended and were started again: killed, or by a defect.", ("process",)
        ).inc(),
    )

    process: int
    pid: int
    how: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ProcessKilled(Observation):
    """A process was killed by its parent, for that reason."""

    log = Line(logging.ERROR, "process {process} is killed")
    metrics = Without("`process_ends` counts it, unless all end")

    process: int
    pid: int
    reason: str


@dataclass(frozen=True, slots=True)
class ProjectSwapped(Observation):
    """Every process answers for the project's files as they are now."""

    log = Line(logging.INFO, "the project was read anew")
    metrics = (_SWAPS.inc(outcome="swapped"),)

    digest: str
    pipes: int


@dataclass(frozen=True, slots=True)
class ProjectNotSwapped(Observation):
    """The project's files cannot be answered for as they are; what was answered for goes on."""

    log = Line(logging.ERROR, "the project as it is now cannot be answered for, the one before goes on")
    metrics = (_SWAPS.inc(outcome="refused"),)

    problem: str
