"""What becomes of requests: answered, crashed, or cut off on their way."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from query_api.observing.observations import Observation
from service.observing.declared import Line
from service.observing.metric import Among, Counter, Histogram

Route = Literal["pipe", "sql", "events", "other"]
Cache = Literal["", "hit", "joined", "asked"]

# Seconds; the time limit of a query is 10 by default.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_REQUESTS = Counter(
    "requests",
    "Requests by route (pipe, sql, events, other), pipe or data source, and HTTP status; 499: the caller left.",
    ("route", "resource", "status"),
)
_REQUEST_SECONDS = Histogram(
    "request_seconds",
    "Time from a request's arrival to the last byte of its answer.",
    ("route", "resource"),
    _BUCKETS,
)
_ROWS_READ = Counter("rows_read", "Rows that ClickHouse read for answers.", ("resource",))
_BYTES_READ = Counter("bytes_read", "Bytes that ClickHouse read for answers.", ("resource",))
_EVENTS = Counter("events", "Events taken over HTTP and acknowledged by Kafka.", ("resource",))
# Of a request's line, where they are known.
_OPTIONAL = (
    *("resource", "format", "token", "rows_read", "bytes_read", "documents", "quarantined"),
    *("cache", "query_id", "error"),
)
_optional_of = attrgetter(*_OPTIONAL)
_CACHED_ANSWERS = Counter(
    "cache_answers",
    "Answers of pipes by where they came from: kept from before (hit), of a question that was under way (joined), or,"
    " where they are kept for a time, of ClickHouse (asked).",
    ("resource", "cache"),
)
_IS_QUERY = Among("route", ("pipe", "sql"))


@dataclass(slots=True)
class RequestEnded(Observation):
    """A request was answered, or its caller left (`status` 499, as nginx calls it).

    Not frozen: one is made for every request, and a frozen one takes almost three times as long.

    `resource` is the pipe or data source, only if the project has it; `token` is a token's name, never its value.
    Rows and bytes read are ClickHouse's; `documents` are those of an events request. `cache` says where the answer of a
    pipe came from, empty for one that was asked of ClickHouse and is not kept; `query_id` is that of its query where
    another request asked it.
    """

    log = Line(lambda ended: logging.WARNING if ended.status >= 500 else logging.INFO, "request")
    metrics = (
        _REQUESTS.inc(),
        _REQUEST_SECONDS.observe("seconds"),
        _ROWS_READ.inc("rows_read", when=_IS_QUERY),
        _BYTES_READ.inc("bytes_read", when=_IS_QUERY),
        _EVENTS.inc("documents", when=Among("route", ("events",))),
        _CACHED_ANSWERS.inc(when=Among("cache", ("hit", "joined", "asked"))),
    )

    request_id: str
    method: str
    route: Route
    status: int
    seconds: float
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

    def log_fields(self) -> dict[str, object]:
        """What every request has, and of the rest what is known."""
        fields: dict[str, object] = {
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "ms": round(self.seconds * 1000, 1),
            "request_id": self.request_id,
            **{name: value for name, value in zip(_OPTIONAL, _optional_of(self), strict=True) if value},
        }
        if self.cache == "asked":
            del fields["cache"]  # it is what every line without the field says
        return fields


@dataclass(frozen=True, slots=True)
class RequestCrashed(Observation):
    """An exception that nobody expected; the caller got 500 and the request id."""

    log = Line(logging.ERROR, "a request crashed", traceback="error")
    metrics = (Counter("crashes", "Requests answered with 500: each is a defect, see the log.").inc(),)

    request_id: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class AnswerBroken(Observation):
    """A query failed after the first bytes of its answer were sent, so the connection was cut."""

    log = Line(logging.WARNING, "an answer broke on its way")
    metrics = (Counter("broken_answers", "Answers cut off because the query failed on its way.").inc(),)

    request_id: str
    code: int
    error: str

    def log_fields(self) -> dict[str, object]:
        return {"request_id": self.request_id, "code": self.code, "reason": self.error}
