"""What is learned about a request while it is handled, for the one observation at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from query_api.observing.requests import Cache, RequestEnded, Route


@dataclass(slots=True)
class Trace:
    """Filled in by the stages; `request_id` is also the id of the request's query in ClickHouse."""

    request_id: str
    route: Route = "other"
    resource: str = ""
    format: str = ""
    token: str = ""
    rows_read: int = 0
    bytes_read: int = 0
    documents: int = 0
    quarantined: int = 0
    cache: Cache = ""
    query_id: str = ""
    error: str = ""
    # Of the answer, whatever it is.
    headers: dict[str, str] = field(default_factory=dict)

    def ended(self, method: str, status: int, seconds: float) -> RequestEnded:
        return RequestEnded(
            request_id=self.request_id,
            method=method,
            route=self.route,
            status=status,
            seconds=seconds,
            resource=self.resource,
            format=self.format,
            token=self.token,
            rows_read=self.rows_read,
            bytes_read=self.bytes_read,
            documents=self.documents,
            quarantined=self.quarantined,
            cache=self.cache,
            query_id=self.query_id,
            error=self.error,
        )


_TRACE = web.RequestKey("TRACE", Trace)


def start_trace(request: web.Request, request_id: str) -> Trace:
    request[_TRACE] = trace = Trace(request_id)
    return trace


def trace_of(request: web.Request) -> Trace:
    return request[_TRACE]


def find_trace(request: web.Request) -> Trace | None:
    """None for a request that was refused before it was handled."""
    return request.get(_TRACE)
