"""How the document is put together from what routes say of themselves."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from query_api.access.auth import AccessToken
from query_api.openapi.document import openapi_document
from query_api.routes import Audience, Operation, Route

AUDIENCE = Audience(AccessToken("board"))


async def answer(request: web.Request) -> web.Response:
    raise AssertionError(f"a document asks nobody: {request}")


def get(audience: Audience) -> Iterable[Operation]:
    return [
        Operation({"summary": audience.token.name}, {"one": {"type": "string"}}),
        Operation({"summary": "other"}, path="/things/{form}", path_parameters=[{"name": "form"}]),
    ]


def post(audience: Audience) -> Iterable[Operation]:
    return [Operation({"summary": "sent"})]


def test_methods_of_one_path_meet_there_and_what_only_tools_ask_is_left_out() -> None:
    routes = [
        Route("GET", "/things", answer, get, "pipes"),
        Route("POST", "/things", answer, post, "events"),
        Route("GET", "/tools", answer),
    ]
    document = openapi_document(routes, AUDIENCE)
    assert document["paths"] == {
        "/things": {"get": {"summary": "board"}, "post": {"summary": "sent"}},
        "/things/{form}": {"parameters": [{"name": "form"}], "get": {"summary": "other"}},
    }
    assert document["components"]["schemas"].keys() == {"Error", "one"}
    assert document["tags"] == [{"name": "pipes"}, {"name": "events"}]


def test_a_route_that_has_nothing_for_its_audience_has_no_path() -> None:
    document = openapi_document([Route("GET", "/things", answer, lambda _: (), "pipes")], AUDIENCE)
    assert document["paths"] == {}
