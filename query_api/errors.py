"""What a request can fail with, each leaf one answer.

QueryApiError
├── AnswerTooLong           an answer that is wanted whole is longer than whoever wants it takes
├── BrokenAnswer            the answer broke after its first bytes were sent: break the connection too
└── RequestError            an answer: status, text, headers
    ├── BadRequest          400  the caller's request is wrong
    │   └── QueryRefused    400  ClickHouse refused the query itself (its code goes with it)
    ├── Forbidden           403  no token, an unknown one, or one that may not do this
    ├── NotFound            404
    ├── QueryTooSlow        408  the query ran into its time limit
    ├── BodyTooSlow         408  the request did not arrive in time
    ├── TooLarge            413  a body, a document, a parameter or a result over a limit
    │   └── DocumentTooLarge 413 the broker refused this document
    ├── UnsupportedEncoding 415
    ├── TooManyRequests     429  over the token's own rate: try again after `retry_after` seconds
    └── Unavailable         503  overload, or a server that cannot be reached: try again after `retry_after` seconds
"""

# ruff: noqa: N818 -- the leaves are named by what the caller is told, as in HTTP's own list of statuses
from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class QueryApiError(Exception):
    """Anything this package raises on purpose."""


class AnswerTooLong(QueryApiError):
    """An answer that is wanted whole has more bytes than whoever wants it takes."""


class BrokenAnswer(QueryApiError):
    """A streamed answer ended with an exception of ClickHouse (`code`) or without its end (0)."""

    def __init__(self, message: str, code: int = 0) -> None:
        self.code = code
        super().__init__(message)


class RequestError(QueryApiError):
    """An error that the caller is told: `message` holds nothing of ours that is not theirs to know."""

    status: ClassVar[int] = 500

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.message = message
        self.headers = dict(headers or {})
        super().__init__(message)


class BadRequest(RequestError):
    status = 400


class QueryRefused(BadRequest):
    """ClickHouse's own error; `code` is the number of its table of error codes."""

    def __init__(self, message: str, code: int) -> None:
        self.code = code
        super().__init__(message, headers={"X-DB-Exception-Code": str(code)})


class Forbidden(RequestError):
    status = 403


class NotFound(RequestError):
    status = 404


class QueryTooSlow(RequestError):
    status = 408


class BodyTooSlow(RequestError):
    status = 408


class TooLarge(RequestError):
    status = 413


class DocumentTooLarge(TooLarge):
    """The broker refused the document of that number (from 1) alone in its batch; `stored` of the others it took."""

    def __init__(self, number: int, size: int, *, stored: int, limit: int | None = None) -> None:
        self.number, self.size, self.stored = number, size, stored
        most = f", and its topic takes at most `{limit}`" if limit is not None else ", more than its topic takes"
        kept = f"; {stored} other events of the request were stored" if stored else "; nothing was stored"
        super().__init__(
            f"document {number} is {size} bytes long{most}{kept}\nhint: the limit is the topic's `max.message.bytes`"
        )


class UnsupportedEncoding(RequestError):
    status = 415


class TooManyRequests(RequestError):
    """The token made more requests than it may; the next is answered after `retry_after` seconds."""

    status = 429

    def __init__(self, message: str, *, retry_after: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after), **(headers or {})})


class Unavailable(RequestError):
    """Nothing is wrong with the request; it may be sent again after `retry_after` seconds."""

    status = 503

    def __init__(self, message: str, *, retry_after: int = 1, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after), **(headers or {})})
