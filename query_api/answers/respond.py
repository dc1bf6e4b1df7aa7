"""Sends answers that are kept for a time: their age, how long they hold, and 304 for those who have them already."""

from __future__ import annotations

from aiohttp import hdrs, web

from query_api.answers.kept import KeptAnswer

_NOT_MODIFIED = 304


def kept_response(request: web.Request, kept: KeptAnswer, now: float) -> web.Response:
    """`now` is a time of the clock by which the answer is kept."""
    headers = kept.headers(now)
    if request.method == hdrs.METH_GET and hdrs.IF_NONE_MATCH in request.headers and _has_it(request, kept.etag):
        response = web.Response(status=_NOT_MODIFIED, headers=headers)
        del response.headers[hdrs.CONTENT_TYPE]
        return response
    return web.Response(body=kept.body, headers=headers)


def _has_it(request: web.Request, etag: str) -> bool:
    """Whether the caller has these bytes: weak tags match as strong ones do (RFC 9110, 13.1.2)."""
    return any(each.value in ("*", etag[1:-1]) for each in request.if_none_match or ())
