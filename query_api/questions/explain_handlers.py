"""`/v0/pipes/{pipe}/explain`: what a pipe would ask ClickHouse, and what would be read for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from query_api.access.authenticate import authenticate
from query_api.access.readable import readable_pipe
from query_api.engine.admission import Admission
from query_api.observing.trace import trace_of
from query_api.questions.explanation import Explainer, Explanation
from query_api.routes import Route
from query_api.snapshot import Snapshot
from query_api.web.no_endpoint import no_endpoint


@dataclass(frozen=True, slots=True)
class ExplainHandlers:
    """Whoever may read a pipe may read what it asks."""

    snapshot: Snapshot
    admission: Admission
    explainer: Explainer
    cache_seconds: int

    def routes(self) -> Sequence[Route]:
        return (Route("GET", "/v0/pipes/{name}/explain", self.explain),)

    async def explain(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.snapshot.tokens)
        pipe = readable_pipe(self.snapshot, request.match_info["name"], token, request)
        catalog = self.snapshot.catalog
        endpoint = catalog.endpoints.get(pipe.name)
        if endpoint is None:
            raise no_endpoint(pipe)
        given = [*request.query.items()]
        explanation = Explanation.of(endpoint, given, token, catalog.secrets, self.cache_seconds)
        async with self.admission.slot():
            return web.json_response(await self.explainer.explain(explanation, trace_of(request).request_id))
