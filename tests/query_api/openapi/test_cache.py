"""When a document is made, and when one that is known is answered."""

from __future__ import annotations

from query_api.access.auth import AccessToken, Scope
from query_api.openapi.cache import MAX_DOCUMENTS, OpenApiCache
from query_api.routes import Audience, Columns, Object

ADMIN = AccessToken("admin", is_admin=True)
COLUMNS = {"p": Columns({"n": ("UInt64",)}, True, True)}


class Maker:
    """Makes documents that say for whom they are, and remembers for whom it made them."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, audience: Audience) -> Object:
        self.made.append(audience.token.name)
        return {"for": audience.token.name, "columns": list(audience.columns)}


def test_a_document_is_made_once_for_tokens_that_may_do_the_same() -> None:
    make, board = Maker(), frozenset({Scope("READ", "p")})
    documents = OpenApiCache(make)
    for token in (ADMIN, ADMIN, AccessToken("board", board), AccessToken("other", board, requests_per_second=1)):
        documents.document(Audience(token))
    assert make.made == ["admin", "board"]


def test_a_document_is_made_again_when_columns_or_fixed_values_are_others() -> None:
    documents = OpenApiCache(Maker())
    fixed = AccessToken("page", frozenset({Scope("READ", "p")}), fixed_values={"p": {"x": "mine"}})
    first = documents.document(Audience(ADMIN, COLUMNS))
    assert documents.document(Audience(ADMIN, dict(COLUMNS))) is first
    assert documents.document(Audience(ADMIN)) != first
    assert documents.document(Audience(fixed, COLUMNS)) != documents.document(Audience(ADMIN, COLUMNS))
    for number in range(40):
        documents.document(Audience(AccessToken("t", frozenset({Scope("READ", f"p{number}")}))))
    assert documents.document(Audience(ADMIN, COLUMNS)) == first
    assert len(documents) <= MAX_DOCUMENTS == 16
