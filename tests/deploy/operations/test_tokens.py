"""What `birdhouse tokens` shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.errors import UnknownTokenError
from deploy.operations.tokens import find_token, render, token_rows
from query_api.access.auth import derive_token
from schemas.model import DataSource, Pipe, Project, Token

SECRET = "s" * 32
PROJECT = Project(
    Path(),
    {"events": DataSource("events", (), tokens=(Token("writer", "APPEND"), Token("app", "APPEND")))},
    {"stats": Pipe("stats", (), tokens=(Token("app", "READ"),))},
)


def test_the_admin_token_comes_first_then_every_token_of_the_files_with_all_its_scopes() -> None:
    rows = token_rows(PROJECT, SECRET)
    assert [(row.name, row.scopes) for row in rows] == [
        ("admin", "everything"),
        ("app", "APPEND events, READ stats"),
        ("writer", "APPEND events"),
    ]


def test_values_are_those_that_the_api_takes() -> None:
    assert find_token(token_rows(PROJECT, SECRET), "app").value == derive_token(SECRET.encode(), "app")


def test_the_table_has_a_line_for_each_token() -> None:
    rows = token_rows(PROJECT, SECRET)
    lines = render(rows).splitlines()
    assert lines[0].split() == ["name", "scopes", "value"]
    assert [line.split()[-1] for line in lines[1:]] == [row.value for row in rows]
    assert len({line.index(row.value) for line, row in zip(lines[1:], rows, strict=True)}) == 1


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(UnknownTokenError, match="`nobody`") as caught:
        find_token(token_rows(PROJECT, SECRET), "nobody")
    assert "admin, app, writer" in caught.value.hint
