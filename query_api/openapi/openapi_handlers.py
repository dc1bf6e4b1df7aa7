"""`/v0/pipes/openapi.json` and `/docs`: what a token may ask, for programs and for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from query_api.access.authenticate import authenticate
from query_api.observing.trace import trace_of
from query_api.openapi.answer_columns import AnswerColumns
from query_api.openapi.cache import OpenApiCache
from query_api.openapi.docs_page import docs_page
from query_api.routes import Audience, Route
from query_api.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class OpenApiHandlers:
    """`documents` are made of what all rooms offer."""

    snapshot: Snapshot
    columns: AnswerColumns
    documents: OpenApiCache

    def routes(self) -> Sequence[Route]:
        return (Route("GET", "/v0/pipes/openapi.json", self.document), Route("GET", "/docs", docs_page))

    async def document(self, request: web.Request) -> web.Response:
        token = authenticate(request, self.snapshot.tokens)
        endpoints = [each for name, each in self.snapshot.catalog.endpoints.items() if token.may("READ", name)]
        columns = await self.columns.of(endpoints, trace_of(request).request_id)
        document = self.documents.document(Audience(token, columns))
        return web.Response(body=document, content_type="application/json", charset="utf-8")
