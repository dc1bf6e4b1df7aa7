"""A path is one with and without a slash at its end."""

from __future__ import annotations

from aiohttp import web

from service.web.routes import Routes


async def handler(request: web.Request) -> web.Response:
    return web.Response()


def test_each_route_takes_both_forms_of_its_path() -> None:
    application = web.Application()
    routes = Routes(application.router)
    routes.add_get("/v0/pipes", handler)
    routes.add_post("/v0/events", handler)
    assert sorted(
        (route.method, route.resource.canonical) for route in application.router.routes() if route.resource
    ) == [
        ("GET", "/v0/pipes"),
        ("GET", "/v0/pipes/"),
        ("POST", "/v0/events"),
        ("POST", "/v0/events/"),
    ]
