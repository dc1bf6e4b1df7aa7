"""Swaps what a running application answers for: a new version whole, between two requests."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


class LiveVersion:
    """The application that answers instead of the one that listens, once there is one.

    Both have the same routes, since a project is no part of them; a request that has begun ends with the handlers
    that it began with. Only the router of the swapped application is used: middlewares, start-up and clean-up are
    those of the one that listens, and so are the servers, the limits and the metrics that both share.
    """

    def __init__(self) -> None:
        self.swapped: web.Application | None = None

    def middleware(self) -> Middleware:
        """To be the innermost middleware of the application that listens."""

        @web.middleware
        async def answer_by_version(request: web.Request, handler: Handler) -> web.StreamResponse:
            version = self.swapped
            if version is None:
                return await handler(request)
            found = await version.router.resolve(request)
            return await found.handler(request)

        return answer_by_version
