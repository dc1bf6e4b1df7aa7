"""Remembers the OpenAPI documents of one version of a project: each is made once for tokens that may do the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from cachetools import LRUCache

from query_api.access.auth import AccessToken
from query_api.routes import Audience, Columns, Object

# Signed tokens can have any mixture of rights; the document that was asked for longest ago is forgotten first. One of
# 500 pipes has some megabytes.
MAX_DOCUMENTS = 16


class OpenApiCache:
    """Documents as JSON in UTF-8, by what a token may do and by what is known of the columns."""

    def __init__(self, make: Callable[[Audience], Object]) -> None:
        """`make` is asked for each document that is not known."""
        self._make = make
        self._documents: LRUCache[object, tuple[Mapping[str, Columns], bytes]] = LRUCache(MAX_DOCUMENTS)

    def __len__(self) -> int:
        return len(self._documents)

    def document(self, audience: Audience) -> bytes:
        rights = _rights(audience.token)
        known = self._documents.get(rights)
        if known is None or known[0] != audience.columns:
            document = json.dumps(self._make(audience)).encode()
            known = self._documents[rights] = (audience.columns, document)
        return known[1]


def _rights(token: AccessToken) -> object:
    """All of a token but its name and its rate, of which a document says nothing."""
    fixed = {pipe: sorted(values.items()) for pipe, values in token.fixed_values.items()}
    return token.is_admin, token.scopes, repr(sorted(fixed.items()))
