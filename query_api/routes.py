"""What a room offers: its routes, each with its handler and with what the OpenAPI document says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from query_api.access.auth import AccessToken

Object = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Columns:
    """ClickHouse types by column; more than one for a column whose type depends on the parameters.

    `are_certain`: every answer has all of them. `are_all`: and no others.
    """

    types: Mapping[str, tuple[str, ...]]
    are_certain: bool
    are_all: bool


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a document is for, and what is known of the columns that the endpoints answer with."""

    token: AccessToken
    columns: Mapping[str, Columns] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the OpenAPI document: its Operation Object, and the schemas that this names.

    `path` is where it is shown when that is not the path of its route, as of a route that answers many pipes;
    `path_parameters` are that path's.
    """

    described: Object
    schemas: Mapping[str, Object] = field(default_factory=dict)
    path: str | None = None
    path_parameters: Sequence[Object] = ()


Describe = Callable[[Audience], Iterable[Operation]]
"""The operations of a route that its audience may use."""


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path, in the form of aiohttp's router, and what answers them.

    Without `describe` it is no part of the OpenAPI document, as what only tools ask; `tag` is its heading there.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    describe: Describe | None = None
    tag: str | None = None


def by_specificity(routes: Iterable[Route]) -> list[Route]:
    """The routes in the order in which a router has to try them, whichever order they came in: a path that says more
    of a segment (a literal, a suffix, a pattern) before one that takes any."""
    return sorted(routes, key=lambda route: sum(map(_takes_any, route.path.split("/"))))


def _takes_any(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}") and ":" not in segment
