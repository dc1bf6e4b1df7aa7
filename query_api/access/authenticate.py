"""The first stage of every request: who asks, and how often they may."""

from __future__ import annotations

from aiohttp import web

from query_api.access.auth import AccessToken, TokenTable, sent_token
from query_api.observing.trace import trace_of


def authenticate(request: web.Request, tokens: TokenTable) -> AccessToken:
    """The token of a request, noted in its trace. Raises `Forbidden` and `TooManyRequests`."""
    trace = trace_of(request)
    token = tokens.recognise(sent_token(request.headers.get("Authorization"), request.query.get("token")))
    trace.token = token.name
    if token.requests_per_second is not None:
        trace.headers.update(tokens.rates.take(token.name, token.requests_per_second))
    return token
