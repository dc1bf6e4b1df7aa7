"""Which route answers a path, whatever order the routes came in."""

from __future__ import annotations

import random

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from query_api.access.auth import AccessToken
from query_api.app import LIVE, STATE
from query_api.openapi.document import openapi_document
from query_api.rooms import offered
from query_api.routes import Audience, Route, by_specificity
from tests.query_api.fakes import Api


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v0/pipes"), ("GET", "/v0/pipes?attrs=id"), ("GET", "/v0/pipes/top"), ("GET", "/v0/pipes/top.pipe"),
        ("GET", "/v1/pipes/top.pipe"), ("GET", "/v0/pipes/top.json?limit=7"), ("POST", "/v0/pipes/top.csv?limit=7"),
        ("GET", "/v0/pipes/openapi.json"), ("GET", "/v0/datasources"), ("GET", "/v0/datasources/events"),
        ("GET", "/v0/datasources/events.datasource"), ("GET", "/v0/sql?q=DROP"), ("POST", "/v0/sql?q=DROP"),
        ("POST", "/v0/events?name=events"), ("POST", "/v0/tokens?name=a"), ("GET", "/docs"), ("PUT", "/v0/pipes"),
    ],
)  # fmt: skip
async def test_a_slash_at_the_end_changes_nothing(api: Api, method: str, path: str) -> None:
    api.executor.body = b""
    with_slash = path.replace("?", "/?") if "?" in path else f"{path}/"
    answers = []
    for each in (path, with_slash):
        response = await api.client.request(
            method, each, data=b"{}" if method == "POST" else None, headers=api.token(), allow_redirects=False
        )
        answers.append((response.status, response.headers["Content-Type"], await response.read()))
    assert answers[0] == answers[1]
    assert answers[0][0] not in (301, 308, 404)
    if "limit" in path:
        assert [question.query.parameters["p2"] for question in api.executor.questions] == ["7", "7"]


def routes_of(api: Api) -> list[Route]:
    return list(offered(api.app[STATE], api.app[LIVE].snapshot))


async def test_the_order_of_routes_does_not_matter(api: Api) -> None:
    routes = routes_of(api)
    expected = [await answering(routes, *asked) for asked in ASKED]
    assert None not in expected
    for seed in range(20):
        shuffled = random.Random(seed).sample(routes, len(routes))
        assert [await answering(shuffled, *asked) for asked in ASKED] == expected


ASKED = (
    ("GET", "/v0/pipes"), ("GET", "/v0/pipes/top"), ("GET", "/v0/pipes/top.json"), ("POST", "/v0/pipes/top.json"),
    ("GET", "/v0/pipes/top.pipe"), ("POST", "/v0/pipes/top.pipe"), ("GET", "/v0/pipes/top.json.pipe"),
    ("GET", "/v0/pipes/top.pipe.json"), ("GET", "/v0/pipes/top.xml"), ("GET", "/v0/pipes/openapi.json"),
    ("POST", "/v0/pipes/openapi.json"), ("GET", "/v0/pipes/top/explain"), ("GET", "/v0/pipes/explain"),
    ("GET", "/v0/datasources/events"), ("GET", "/v0/datasources/events.datasource"), ("GET", "/v0/sql"),
)  # fmt: skip


async def answering(routes: list[Route], method: str, path: str) -> object:
    """The handler that a router of these routes finds."""
    router = web.UrlDispatcher()
    for route in by_specificity(routes):
        router.add_route(route.method, route.path, route.handler)
    found = await router.resolve(make_mocked_request(method, path))
    return None if found.http_exception is not None else found.handler


async def test_every_path_is_offered_once(api: Api) -> None:
    places = [(route.method, route.path) for route in routes_of(api)]
    assert len(places) == len(set(places))


async def test_every_described_route_has_its_tag_and_is_in_the_document(api: Api) -> None:
    audience = Audience(AccessToken("admin", is_admin=True))
    described = [route for route in routes_of(api) if route.describe is not None]
    document = openapi_document(described, audience)
    assert {tag["name"] for tag in document["tags"]} == {route.tag for route in described} == {"pipes", "sql", "events"}
    found = [operation for item in document["paths"].values() for operation in item.values() if "tags" in operation]
    assert all(operation["responses"] for operation in found)
    assert {tag for operation in found for tag in operation["tags"]} == {"pipes", "sql", "events"}
