"""Tokens: derived from the secret, recognised without telling anything, allowed what the files say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.access.auth import AccessToken, Scope, TokenTable, derive_token, sent_token
from query_api.errors import Forbidden
from schemas.model import DataSource, Pipe, Project, Token

SECRET = b"0123456789abcdef"
PROJECT = Project(
    folder=Path(),
    data_sources={"events": DataSource("events", (), tokens=(Token("app", "APPEND"), Token("admin", "READ")))},
    pipes={
        "top": Pipe("top", (), tokens=(Token("app", "READ"), Token("board", "READ"))),
        "other": Pipe("other", ()),
    },
)
TABLE = TokenTable(PROJECT, SECRET)


def test_tokens_are_hmacs_of_their_names() -> None:
    # Worked out with `printf app | openssl dgst -sha256 -hmac 0123456789abcdef -binary | basenc --base64url`.
    assert derive_token(SECRET, "app") == "p.pQBhqEGg0eTGGWfsgGct8FMWnLRdc1xjKsZTJoeDvRM"
    assert derive_token(SECRET, "app") != derive_token(SECRET + b"x", "app")


def test_one_name_in_several_files_is_one_token_with_all_its_scopes() -> None:
    token = TABLE.recognise(derive_token(SECRET, "app"))
    assert token.name == "app"
    token.require("APPEND", "events")
    token.require("READ", "top")


@pytest.mark.parametrize(("permission", "resource"), [("READ", "events"), ("APPEND", "top"), ("READ", "other")])
def test_a_scope_that_no_file_grants_is_refused(permission: str, resource: str) -> None:
    with pytest.raises(Forbidden, match=f"the token `app` has no {permission} scope on `{resource}`"):
        # The parameter is a plain text, of which the test gives only right ones.
        TABLE.recognise(derive_token(SECRET, "app")).require(permission, resource)  # type: ignore[arg-type]


def test_the_admin_token_may_do_all_although_a_file_uses_its_name() -> None:
    admin = TABLE.recognise(derive_token(SECRET, "admin"))
    admin.require("APPEND", "events")
    admin.require("READ", "other")


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_token_is_asked_for(value: str | None) -> None:
    with pytest.raises(Forbidden, match="a token is needed"):
        TABLE.recognise(value)


@given(st.text(min_size=5))
def test_an_unknown_token_is_refused_and_never_repeated(value: str) -> None:
    with pytest.raises(Forbidden) as caught:
        TABLE.recognise(f"<{value}>")
    assert f"<{value}>" not in caught.value.message


@pytest.mark.parametrize(
    ("authorization", "parameter", "token"),
    [
        ("Bearer abc", None, "abc"),
        ("bearer  abc ", "xyz", "abc"),
        ("Basic abc", "xyz", "xyz"),
        ("Bearer ", "xyz", "xyz"),
        (None, "xyz", "xyz"),
        (None, None, None),
    ],
)
def test_the_header_comes_before_the_parameter(
    authorization: str | None, parameter: str | None, token: str | None
) -> None:
    assert sent_token(authorization, parameter) == token


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (AccessToken("page", frozenset({Scope("APPEND", "events")})), "no READ scope"),
        (AccessToken("fixed", frozenset({Scope("READ", "p")}), fixed_values={"p": {"a": "b"}}), "fixed parameters"),
    ],
)
def test_a_token_that_reads_nothing_or_in_part_sends_no_sql(token: AccessToken, words: str) -> None:
    assert not token.may_send_sql()
    with pytest.raises(Forbidden, match=words):
        token.require_own_sql()
