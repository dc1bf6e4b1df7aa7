"""The one admin port of several processes: what they say, summed up, each trouble once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from query_api.observing.metrics import PREFIX
from query_api.observing.processes import OF_PROCESSES
from query_api.processes.child import Child
from service.observing.gauges import gauges_of
from service.web.admin import create_admin_app
from service.web.server import HttpRunner, plain_error

# A process that was started again has this long, in seconds, to be ready before the whole is said not to be.
_GRACE_SECONDS = 10.0
# From so many ends in a row on, one process that does not stay is told of, also while others answer.
_TOLD_ENDS = 3


class Overview:
    """All processes together. `look` has those that answer say anew how it goes."""

    def __init__(self, children: Sequence[Child], look: Callable[[], Awaitable[None]]) -> None:
        self._children = children
        self.look = look
        self.is_stopping = False

    @property
    def answering(self) -> int:
        return sum(child.state == "answering" for child in self._children)

    def is_live(self) -> bool:
        """Whether everything runs that is to run, in every process that answers."""
        return all(child.facts is None or child.facts.is_live for child in self._children if child.state == "answering")

    def not_ready_because(self) -> list[str]:
        """Why the API is not ready, each reason once, whichever processes say it."""
        answering = [child for child in self._children if child.state == "answering"]
        reasons = ["stopping"] if self.is_stopping else []
        if not answering and not self.is_stopping:
            reasons.append("no process answers yet")
        reasons += [
            f"process {child.number} does not stay: {child.how}" for child in self._children if child.ends >= _TOLD_ENDS
        ]
        is_any_ready = any(child.was_ready for child in answering)
        for child in answering:
            if child.was_ready or not is_any_ready or time.monotonic() - child.started_at > _GRACE_SECONDS:
                reasons += ["no word yet"] if child.facts is None else child.facts.not_ready
        return list(dict.fromkeys(reasons))

    def status(self) -> Mapping[str, object]:
        serving = next((child.serving for child in self._children if child.serving is not None), None)
        return {
            "pipes": [] if serving is None else serving.pipes,
            "data_sources": [] if serving is None else serving.data_sources,
            "project": "" if serving is None else serving.digest,
            "queries_running": sum(child.facts.queries_running for child in self._children if child.facts),
            "queries_waiting": sum(child.facts.queries_waiting for child in self._children if child.facts),
            "not_ready": self.not_ready_because(),
            "processes": [_status_of(child) for child in self._children],
        }


@dataclass(frozen=True, slots=True)
class AdminRunner:
    """The admin application with the runner of its port."""

    runner: HttpRunner

    async def start(self, host: str, port: int) -> int:
        """The port, also when the system chose it. Raises OSError."""
        await self.runner.setup()
        await web.TCPSite(self.runner, host, port).start()
        return int(self.runner.addresses[0][1])


def admin_runner(registry: CollectorRegistry, overview: Overview) -> AdminRunner:
    """What answers on the admin port, with the metrics of `registry` and the gauges of the overview."""
    registry.register(_ProcessesCollector(overview))
    app = create_admin_app(
        registry=registry,
        is_live=overview.is_live,
        readiness=overview.not_ready_because,
        status=overview.status,
        look=overview.look,
    )
    return AdminRunner(HttpRunner(app, answer_error=plain_error, shutdown_timeout=1.0))


def _status_of(child: Child) -> Mapping[str, object]:
    facts = child.facts
    return {
        "process": child.number,
        "pid": child.pid,
        "state": child.state,
        "connections": 0 if child.recipient is None else child.recipient.connections,
        "queries_running": 0 if facts is None else facts.queries_running,
        "queries_waiting": 0 if facts is None else facts.queries_waiting,
        "not_ready": [] if facts is None else facts.not_ready,
    }


class _ProcessesCollector(Collector):
    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from gauges_of(OF_PROCESSES, PREFIX, [self._overview])
