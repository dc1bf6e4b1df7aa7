"""Routes whose paths may end with a slash: clients write them both ways, and do not follow redirects."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler


class Routes:
    """Adds each route for its path and for the same path with a slash at the end."""

    def __init__(self, router: web.UrlDispatcher) -> None:
        self._router = router

    def add_get(self, path: str, handler: Handler) -> None:
        for each in (path, f"{path}/"):
            self._router.add_get(each, handler, allow_head=False)

    def add_post(self, path: str, handler: Handler) -> None:
        for each in (path, f"{path}/"):
            self._router.add_post(each, handler)
