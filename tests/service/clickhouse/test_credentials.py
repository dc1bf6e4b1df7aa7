"""Each request says who asks: by password, by certificate, and with the password of this moment."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

from pydantic import SecretStr

from service.clickhouse.credentials import credentials
from service.secret_files import LOOK_SECONDS, FileSecret


def basic(header: str) -> str:
    return b64decode(header.removeprefix("Basic ")).decode()


def test_a_password_may_have_any_character() -> None:
    headers = credentials("loader", SecretStr("pä:ß\n"))()
    assert {name: basic(text) for name, text in headers.items()} == {"Authorization": "loader:pä:ß\n"}


def test_a_user_with_a_colon_is_told_in_a_header_of_its_own() -> None:
    assert credentials("a:b", SecretStr("p"))() == {"X-ClickHouse-User": "a:b", "X-ClickHouse-Key": "p"}


def test_a_certificate_speaks_for_a_user_without_a_password() -> None:
    by_certificate = {"X-ClickHouse-User": "loader", "X-ClickHouse-SSL-Certificate-Auth": "on"}
    assert credentials("loader", SecretStr(""), has_certificate=True)() == by_certificate
    for user, password in (("default", ""), ("loader", "p")):
        headers = credentials(user, SecretStr(password), has_certificate=True)()
        assert basic(headers["Authorization"]) == f"{user}:{password}"


def test_a_password_of_a_file_is_that_of_the_request(tmp_path: Path) -> None:
    now = [0.0]
    (tmp_path / "password").write_text("first")
    headers = credentials("u", FileSecret("CLICKHOUSE_PASSWORD", tmp_path / "password", lambda: now[0]))
    assert basic(headers()["Authorization"]) == "u:first"
    (tmp_path / "password").write_text("the second")
    now[0] += LOOK_SECONDS
    assert basic(headers()["Authorization"]) == "u:the second"
