"""What a project holds, over HTTP: pipes, data sources, their files, explanations and the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from query_api.access.auth import AccessToken, TokenTable
from query_api.access.authenticate import authenticate
from query_api.engine.admission import Admission
from query_api.engine.execute import Executor
from query_api.engine.limits import Limits
from query_api.errors import NotFound
from query_api.ids import names_by_id
from query_api.observing.trace import trace_of
from query_api.openapi.answer_columns import AnswerColumns
from query_api.openapi.cache import OpenApiCache
from query_api.openapi.docs_page import docs_page
from query_api.project.datasource_objects import data_source_object, table_sizes
from query_api.project.explanation import Explainer
from query_api.project.pipe_objects import only, pipe_object
from query_api.web.formats import split_extension
from query_api.web.no_endpoint import no_endpoint
from query_api.web.read_parameters import Items, read_parameters
from query_api.web.sql_request import template_parameters
from schemas.feed import feeds_of
from schemas.model import DataSource, Pipe, Project
from schemas.queries.catalog import Catalog
from service.web.routes import Routes

_TRUE = frozenset({"1", "true"})


@dataclass(frozen=True, slots=True)
class InformationHandlers:
    """Whoever may read a resource may read what its file says."""

    project: Project
    catalog: Catalog
    tokens: TokenTable
    admission: Admission
    executor: Executor
    limits: Limits
    columns: AnswerColumns
    documents: OpenApiCache = field(default_factory=OpenApiCache)

    def add_routes(self, routes: Routes) -> None:
        """To be called before a route that takes any name under `/v0/pipes/`."""
        for path, handler in (
            ("/v0/pipes", self.pipes),
            ("/v0/pipes/openapi.json", self.openapi),
            (r"/v0/pipes/{name:[^/]+}.pipe", self.pipe_source),
            (r"/v1/pipes/{name:[^/]+}.pipe", self.pipe_source),
            ("/v0/pipes/{name}/explain", self.explain),
            ("/v0/datasources", self.data_sources),
            (r"/v0/datasources/{name:[^/]+}.datasource", self.data_source_source),
            ("/v0/datasources/{name}", self.data_source),
            ("/docs", docs_page),
        ):
            routes.add_get(path, handler)

    async def pipes(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.tokens)
        attributes, node_attributes = (_words(request.query.get(name, "")) for name in ("attrs", "node_attrs"))
        has_dependencies = request.query.get("dependencies", "").lower() in _TRUE
        found = [pipe_object(self.catalog, pipe, _base(request)) for pipe in self._readable_pipes(token)]
        shown = [only(each, attributes, node_attributes, has_dependencies=has_dependencies) for each in found]
        return web.json_response({"pipes": shown})

    async def pipe(self, request: web.Request) -> web.Response:
        """One pipe; its name is what the route calls `file`."""
        token = authenticate(request, self.tokens)
        pipe = self._pipe(request.match_info["file"], token, request)
        return web.json_response(pipe_object(self.catalog, pipe, _base(request)))

    async def pipe_source(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.tokens)
        return web.Response(text=self._pipe(request.match_info["name"], token, request).source)

    async def explain(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.tokens)
        pipe = self._pipe(request.match_info["name"], token, request)
        endpoint = self.catalog.endpoints.get(pipe.name)
        if endpoint is None:
            raise no_endpoint(pipe)
        items: Items = [*request.query.items()]
        given = read_parameters([*items, *template_parameters(items)]).values
        query = endpoint.render(token.values(pipe.name, given))
        explainer = Explainer(self.executor, self.limits, self.catalog.secrets)
        async with self.admission.slot():
            return web.json_response(await explainer.explain(query, trace_of(request).request_id))

    async def data_sources(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.tokens)
        sources = [each for name, each in self.project.data_sources.items() if token.may("READ", name)]
        return web.json_response({"datasources": await self._objects(sources, token, request)})

    async def data_source(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.tokens)
        source = self._data_source(request.match_info["name"], token, request)
        return web.json_response((await self._objects([source], token, request))[0])

    async def data_source_source(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.tokens)
        return web.Response(text=self._data_source(request.match_info["name"], token, request).source)

    async def openapi(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.tokens)
        endpoints = [each for name, each in self.catalog.endpoints.items() if token.may("READ", name)]
        feeds = {feed.data_source for feed in feeds_of(self.project.data_sources.values())}
        columns = await self.columns.of(endpoints, trace_of(request).request_id)
        sendable = (name for name in feeds if token.may("APPEND", name))
        document = self.documents.document(endpoints, sendable, token, columns)
        return web.Response(body=document, content_type="application/json", charset="utf-8")

    def _readable_pipes(self, token: AccessToken) -> list[Pipe]:
        return [pipe for name, pipe in self.catalog.pipes.items() if token.may("READ", name)]

    def _pipe(self, name_or_id: str, token: AccessToken, request: web.Request) -> Pipe:
        pipes = self.catalog.pipes
        pipe = pipes.get(name_or_id) or pipes.get(names_by_id(pipes).get(name_or_id, ""))
        if pipe is None:
            if "." in name_or_id:
                split_extension(name_or_id)
            raise NotFound(f"Pipe '{name_or_id}' not found")
        trace_of(request).resource = pipe.name
        token.require("READ", pipe.name)
        return pipe

    def _data_source(self, name_or_id: str, token: AccessToken, request: web.Request) -> DataSource:
        sources = self.project.data_sources
        source = sources.get(name_or_id) or sources.get(names_by_id(sources).get(name_or_id, ""))
        if source is None:
            raise NotFound(f'Data Source "{name_or_id}" does not exist')
        trace_of(request).resource = source.name
        token.require("READ", source.name)
        return source

    async def _objects(
        self, sources: list[DataSource], token: AccessToken, request: web.Request
    ) -> list[dict[str, object]]:
        async with self.admission.slot():
            sizes = await table_sizes(self.executor, self.limits, trace_of(request).request_id)
        readable = [pipe.name for pipe in self._readable_pipes(token)]
        return [data_source_object(each, self.catalog, readable, sizes.get(each.name)) for each in sources]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _base(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
