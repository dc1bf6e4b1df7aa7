"""The pipe or data source that a request names, by name or id, for a token that may read it."""

from __future__ import annotations

from aiohttp import web

from query_api.access.auth import AccessToken
from query_api.errors import NotFound
from query_api.observing.trace import trace_of
from query_api.snapshot import Snapshot
from query_api.web.formats import split_extension
from schemas.model import DataSource, Pipe


def readable_pipe(snapshot: Snapshot, name_or_id: str, token: AccessToken, request: web.Request) -> Pipe:
    """Noted in the request's trace. Raises `NotFound` and `Forbidden`."""
    pipe = snapshot.pipe(name_or_id)
    if pipe is None:
        if "." in name_or_id:
            split_extension(name_or_id)
        raise NotFound(f"Pipe '{name_or_id}' not found")
    trace_of(request).resource = pipe.name
    token.require("READ", pipe.name)
    return pipe


def readable_data_source(snapshot: Snapshot, name_or_id: str, token: AccessToken, request: web.Request) -> DataSource:
    """Noted in the request's trace. Raises `NotFound` and `Forbidden`."""
    source = snapshot.data_source(name_or_id)
    if source is None:
        raise NotFound(f'Data Source "{name_or_id}" does not exist')
    trace_of(request).resource = source.name
    token.require("READ", source.name)
    return source
