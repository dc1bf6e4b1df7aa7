"""What a project holds, over HTTP: pipes, data sources and their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from query_api.access.auth import AccessToken
from query_api.access.authenticate import authenticate
from query_api.access.readable import readable_data_source, readable_pipe
from query_api.engine.admission import Admission
from query_api.engine.execute import Executor
from query_api.engine.limits import Limits
from query_api.observing.trace import trace_of
from query_api.project.datasource_objects import data_source_object, table_sizes
from query_api.project.pipe_objects import only, pipe_object
from query_api.routes import Route
from query_api.snapshot import Snapshot
from schemas.model import DataSource, Pipe

_TRUE = frozenset({"1", "true"})


@dataclass(frozen=True, slots=True)
class ProjectHandlers:
    """Whoever may read a resource may read what its file says."""

    snapshot: Snapshot
    admission: Admission
    executor: Executor
    limits: Limits

    def routes(self) -> Sequence[Route]:
        return (
            Route("GET", "/v0/pipes", self.pipes),
            Route("GET", "/v0/pipes/{name}", self.pipe),
            Route("GET", "/v0/pipes/{name:[^/]+}.pipe", self.pipe_source),
            Route("GET", "/v1/pipes/{name:[^/]+}.pipe", self.pipe_source),
            Route("GET", "/v0/datasources", self.data_sources),
            Route("GET", "/v0/datasources/{name}", self.data_source),
            Route("GET", "/v0/datasources/{name:[^/]+}.datasource", self.data_source_source),
        )

    async def pipes(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.snapshot.tokens)
        attributes, node_attributes = (_words(request.query.get(name, "")) for name in ("attrs", "node_attrs"))
        has_dependencies = request.query.get("dependencies", "").lower() in _TRUE
        catalog = self.snapshot.catalog
        found = [pipe_object(catalog, pipe, _base(request)) for pipe in self._readable_pipes(token)]
        shown = [only(each, attributes, node_attributes, has_dependencies=has_dependencies) for each in found]
        return web.json_response({"pipes": shown})

    async def pipe(self, request: web.Request) -> web.Response:
        return web.json_response(pipe_object(self.snapshot.catalog, self._pipe(request), _base(request)))

    async def pipe_source(self, request: web.Request) -> web.Response:
        return web.Response(text=self._pipe(request).source)

    async def data_sources(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.snapshot.tokens)
        sources = [each for name, each in self.snapshot.project.data_sources.items() if token.may("READ", name)]
        return web.json_response({"datasources": await self._objects(sources, token, request)})

    async def data_source(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.snapshot.tokens)
        source = readable_data_source(self.snapshot, request.match_info["name"], token, request)
        return web.json_response((await self._objects([source], token, request))[0])

    async def data_source_source(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.snapshot.tokens)
        source = readable_data_source(self.snapshot, request.match_info["name"], token, request)
        return web.Response(text=source.source)

    def _pipe(self, request: web.Request) -> Pipe:
        token = authenticate(request, self.snapshot.tokens)
        return readable_pipe(self.snapshot, request.match_info["name"], token, request)

    def _readable_pipes(self, token: AccessToken) -> list[Pipe]:
        return [pipe for name, pipe in self.snapshot.catalog.pipes.items() if token.may("READ", name)]

    async def _objects(
        self, sources: list[DataSource], token: AccessToken, request: web.Request
    ) -> list[dict[str, object]]:
        async with self.admission.slot():
            sizes = await table_sizes(self.executor, self.limits, trace_of(request).request_id)
        readable = [pipe.name for pipe in self._readable_pipes(token)]
        return [data_source_object(each, self.snapshot.catalog, readable, sizes.get(each.name)) for each in sources]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _base(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
