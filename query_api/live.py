"""What lives as long as the application, and the snapshot that it answers for now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry

from query_api.access.rate_limit import Rates
from query_api.answers.answers import Answers
from query_api.answers.told import Told
from query_api.engine.admission import Admission
from query_api.events.committed import CommitWatcher
from query_api.observing.health import Health
from query_api.observing.observations import Observer
from query_api.routes import Handler, Route, by_specificity
from query_api.servers import Servers
from query_api.settings import QueryApiSettings
from query_api.snapshot import Snapshot
from service.web.routes import Routes


@dataclass(frozen=True, slots=True)
class State:
    """What outlives every change of the project; the admin port and whoever runs the application look at it."""

    settings: QueryApiSettings
    servers: Servers
    admission: Admission
    answers: Answers
    told: Told
    rates: Rates
    watcher: CommitWatcher
    health: Health
    observe: Observer
    registry: CollectorRegistry


@dataclass(frozen=True, slots=True)
class Version:
    """A snapshot and the handlers that were made for it, in the order of the routes."""

    snapshot: Snapshot
    handlers: tuple[Handler, ...]


class Live:
    """Answers each request with the snapshot at its beginning, whatever is swapped before its end."""

    def __init__(self, offer: Callable[[Snapshot], Iterable[Route]], snapshot: Snapshot) -> None:
        """`offer` gives the routes for a snapshot; their methods and paths are the same for each."""
        self._offer = offer
        routes = by_specificity(offer(snapshot))
        self._places = [(route.method, route.path) for route in routes]
        self._now = Version(snapshot, tuple(route.handler for route in routes))

    @property
    def snapshot(self) -> Snapshot:
        return self._now.snapshot

    def swap(self, snapshot: Snapshot) -> None:
        """Answer for another snapshot from the next request on."""
        self.answer_with(self.version(snapshot))

    def version(self, snapshot: Snapshot) -> Version:
        """What `answer_with` takes, made without a change to what is answered now. May be called in a thread."""
        handlers = {(route.method, route.path): route.handler for route in self._offer(snapshot)}
        return Version(snapshot, tuple(handlers[place] for place in self._places))

    def answer_with(self, version: Version) -> None:
        self._now = version

    def add_to(self, router: web.UrlDispatcher) -> None:
        routes = Routes(router)
        for number, (method, path) in enumerate(self._places):
            add = routes.add_get if method == "GET" else routes.add_post
            add(path, self._answer(number))

    def _answer(self, number: int) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._now.handlers[number](request)

        return answer
