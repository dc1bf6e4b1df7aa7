"""Remembers the OpenAPI documents of one version of a project: each is made once for tokens that may do the same."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from query_api.access.auth import AccessToken
from query_api.openapi.answer_columns import Columns
from query_api.openapi.document import openapi_document
from schemas.queries.catalog import Endpoint

# Signed tokens can have any mixture of rights; the document that was asked for longest ago is forgotten first. One of
# 500 pipes has some megabytes.
_MAX_DOCUMENTS = 16


class OpenApiCache:
    """Documents as JSON in UTF-8, by what a token may do and by what is known of the columns."""

    def __init__(self) -> None:
        self._documents: OrderedDict[object, tuple[Mapping[str, Columns], bytes]] = OrderedDict()

    def document(
        self, endpoints: Iterable[Endpoint], feeds: Iterable[str], token: AccessToken, columns: Mapping[str, Columns]
    ) -> bytes:
        """What `openapi_document` says; `endpoints` and `feeds` follow from the token's rights."""
        rights = _rights(token)
        known = self._documents.get(rights)
        if known is None or known[0] != columns:
            document = json.dumps(openapi_document(endpoints, feeds, token, columns)).encode()
            known = self._documents[rights] = (columns, document)
            if len(self._documents) > _MAX_DOCUMENTS:
                self._documents.popitem(last=False)
        self._documents.move_to_end(rights)
        return known[1]


def _rights(token: AccessToken) -> object:
    """All of a token but its name and its rate, of which a document says nothing."""
    fixed = {pipe: sorted(values.items()) for pipe, values in token.fixed_values.items()}
    return token.is_admin, token.scopes, repr(sorted(fixed.items()))
