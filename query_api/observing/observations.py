"""Everything of the query API that is worth observing, as one closed set of types."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

logger = logging.getLogger(__name__)

Route = Literal["pipe", "sql", "events", "other"]
Server = Literal["ClickHouse", "Kafka"]


@dataclass(slots=True)
class RequestEnded:
    """A request was answered, or its caller left (`status` 499, as nginx calls it).

    Not frozen: one is made for every request, and a frozen one takes almost three times as long.

    `resource` is the pipe or data source, only if the project has it; `token` is a token's name, never its value.
    Rows and bytes read are ClickHouse's; `documents` are those of an events request.
    """

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
    error: str = ""


@dataclass(frozen=True, slots=True)
class RequestCrashed:
    """An exception that nobody expected; the caller got 500 and the request id."""

    request_id: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class AnswerBroken:
    """A query failed after the first bytes of its answer were sent, so the connection was cut."""

    request_id: str
    code: int
    error: str


@dataclass(frozen=True, slots=True)
class ServerLost:
    """A server does not answer; said once, and again when the reason changes. `address` holds no credentials."""

    server: Server
    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServerFound:
    """A server answers, for the first time or again."""

    server: Server


@dataclass(frozen=True, slots=True)
class ProducerFailed:
    """A producer failed for good; events are refused with `reason` until another one is made, `retry_seconds` later."""

    reason: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class BackgroundFailed:
    """Something unexpected happened to what runs beside requests; it has been taken up again. `task` is one of a few
    names of ours."""

    task: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class SchemaDiffers:
    """What ClickHouse has is not what the project says; `differences` are for people."""

    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listening:
    """The API takes requests; `host` and `port` are what it is bound to."""

    host: str
    port: int
    admin_port: int


@dataclass(frozen=True, slots=True)
class Stopping:
    """No new requests are taken; those in flight have `seconds` to end."""

    seconds: float


Observation = (
    RequestEnded
    | RequestCrashed
    | AnswerBroken
    | ServerLost
    | ServerFound
    | ProducerFailed
    | BackgroundFailed
    | SchemaDiffers
    | Listening
    | Stopping
)
Observer = Callable[[Observation], None]


def to_all(*observers: Observer) -> Observer:
    """One observer that tells all of these, in their order. It never raises: what only watches must not end what it
    watches."""

    def observe(observation: Observation) -> None:
        for observer in observers:
            try:
                observer(observation)
            except Exception:
                logger.exception("an observer failed", extra={"fields": {"of": type(observation).__name__}})

    return observe
