"""What every request goes through: its id, CORS, errors as answers, and one observation at its end."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDict

from query_api.errors import RequestError
from query_api.observing.observations import Observer
from query_api.observing.requests import RequestCrashed
from query_api.observing.trace import Trace, find_trace, start_trace
from query_api.random_hex import random_hex
from query_api.web.request_body import body_too_large
from query_api.web.respond import error_response, request_error_response, template_error_response
from query_api.web.unsupported import unsupported
from schemas.template.errors import TemplateError
from service.web.server import SERVER_NAME

REQUEST_ID = "X-Request-Id"
# Characters of an error in the log; it may hold a caller's value.
_LONGEST_LOGGED = 200
# What nginx calls a request whose caller did not wait for the answer.
CALLER_LEFT = 499

# On every answer, in the form in which aiohttp copies it at once.
_EVERYWHERE: CIMultiDict[str] = CIMultiDict(
    {
        # Pages of any origin may ask: the token decides, and there are no cookies that a browser would add by itself.
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": (
            f"{REQUEST_ID}, X-Query-Id, ETag, Age, X-DB-Exception-Code, Retry-After, "
            "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
        ),
        hdrs.SERVER: SERVER_NAME,
    }
)
_ALLOWED_HEADERS = ("Authorization", "Content-Type", "Content-Encoding")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Max-Age": "86400",
    "Vary": hdrs.ACCESS_CONTROL_REQUEST_HEADERS,
}
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_MOST_ASKED = 50


def answer_errors(observe: Observer, *, max_body_bytes: int, clock: Callable[[], float] = time.monotonic) -> Middleware:
    """The outermost middleware: whatever happens inside becomes an answer, and is observed once."""

    loop: asyncio.AbstractEventLoop | None = None

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal loop
        if loop is None:
            loop = asyncio.get_running_loop()  # the application's own; until Python 3.12 it is a call of the kernel
        trace = start_trace(request, random_hex())
        started = clock()
        status = CALLER_LEFT
        try:
            response = await _answer(request, handler, trace, observe, max_body_bytes)
            status = response.status
            return response
        finally:
            # When the answer is on its way: its caller need not wait for a log line.
            loop.call_soon(observe, trace.ended(request.method, status, clock() - started))

    return middleware


async def _answer(
    request: web.Request, handler: Handler, trace: Trace, observe: Observer, max_body_bytes: int
) -> web.StreamResponse:
    if request.method == hdrs.METH_OPTIONS:
        return web.Response(status=204, headers=_preflight(request))
    try:
        return await handler(request)
    except RequestError as error:
        response, trace.error = request_error_response(error), _first_line(error)
    except TemplateError as error:
        response, trace.error = template_error_response(error), _first_line(error)
    except web.HTTPRequestEntityTooLarge:
        response = request_error_response(body_too_large(max_body_bytes))
    except web.RequestPayloadError:
        response = error_response(400, "the body did not arrive whole")
    except web.HTTPException as error:
        response = _http_error(error, request)
    except ConnectionError:
        raise  # the caller is gone: there is nobody to answer
    except Exception as error:
        observe(RequestCrashed(trace.request_id, error))
        response = error_response(500, f"something went wrong here; the log has it as request `{trace.request_id}`")
    trace.error = trace.error or f"{response.status} {response.reason}".lower()
    return response


def _preflight(request: web.Request) -> dict[str, str]:
    """Headers of a page's own, which analytics scripts add, mean nothing here and must not keep it from asking."""
    asked = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "").split(",", _MOST_ASKED)[:_MOST_ASKED]
    more = [name for each in asked if _HEADER_NAME.fullmatch(name := each.strip())]
    known = {name.lower() for name in _ALLOWED_HEADERS}
    allowed = [*_ALLOWED_HEADERS, *(name for name in dict.fromkeys(more) if name.lower() not in known)]
    return {**_PREFLIGHT, hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ", ".join(allowed)}


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:_LONGEST_LOGGED]


def _http_error(error: web.HTTPException, request: web.Request) -> web.Response:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods | {hdrs.METH_OPTIONS}))
        message = f"the method {request.method} is not allowed here\nhint: allowed are {allowed}"
        if instead := unsupported(request.path):
            message = f"{request.method} of this path is not supported here: allowed are {allowed}\nhint: {instead}"
        return error_response(405, message, {hdrs.ALLOW: allowed})
    if isinstance(error, web.HTTPNotFound):
        if instead := unsupported(request.path):
            return error_response(404, f"`{request.path[:200]}` is not supported here\nhint: {instead}")
        return error_response(404, f"there is nothing at `{request.path[:200]}`")
    return error_response(error.status, error.reason.lower())


def refusal(observe: Observer) -> Callable[[int, str], web.Response]:
    """What answers a request that could not even be read, as all others are: with an id, CORS, and one observation."""

    def answer(status: int, message: str) -> web.Response:
        trace = Trace(random_hex(), error=message.partition("\n")[0])
        observe(trace.ended("", status, 0.0))
        response = error_response(status, message, {REQUEST_ID: trace.request_id})
        response.headers.update(_EVERYWHERE)
        return response

    return answer


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal of the application: what every answer carries."""
    headers = response.headers
    headers.update(_EVERYWHERE)
    trace = find_trace(request)
    if trace is None:
        return
    if trace.headers:
        headers.update(trace.headers)
    headers[REQUEST_ID] = trace.request_id
