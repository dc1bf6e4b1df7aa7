"""Commands beside a `birdhouse run` reach what it embeds, and nothing of one that has ended."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.errors import FolderInUseError
from deploy.run.beside import RunningParts, environment_beside, forget_parts, reached_at, running_parts, write_parts
from deploy.secret import ADMIN_TOKEN_FILE
from deploy.settings import RunSettings
from service.settings import load_settings

PARTS = RunningParts(os.getpid(), "http://127.0.0.1:7184", "127.0.0.1:9092")


def beside(folder: Path, **given: str) -> dict[str, str]:
    environment = {"BIRDHOUSE_DATA": str(folder), **given}
    result = environment_beside(load_settings(RunSettings, environment), environment)
    return {name: value for name, value in result.items() if name != "BIRDHOUSE_DATA"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_parts(tmp_path, PARTS)
    (tmp_path / ADMIN_TOKEN_FILE).write_text("p.token\n")
    return tmp_path


def test_what_runs_is_known_until_it_ends(folder: Path) -> None:
    assert running_parts(folder) == PARTS
    assert (folder / "run.json").stat().st_mode & 0o077 == 0
    forget_parts(folder)
    forget_parts(folder)
    assert running_parts(folder) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": 999999999, "engine": null, "broker": null}'])
def test_a_file_that_a_killed_one_left_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    assert running_parts(tmp_path) is None
    assert beside(tmp_path, KAFKA_LINGER_MS="5") == {"KAFKA_LINGER_MS": "5"}


def test_embedded_parts_are_reached_as_if_they_were_servers(folder: Path) -> None:
    found = beside(folder, KAFKA_SASL_PASSWORD="of another Kafka", CLICKHOUSE_DATABASE="d")
    assert (found["CLICKHOUSE_URL"], found["CLICKHOUSE_PASSWORD"]) == (PARTS.engine, "p.token")
    assert (found["KAFKA_BOOTSTRAP_SERVERS"], found["CLICKHOUSE_DATABASE"]) == (PARTS.broker, "d")
    assert "KAFKA_SASL_PASSWORD" not in found


def test_servers_of_ones_own_stay(folder: Path) -> None:
    given = {"CLICKHOUSE_URL": "http://ch:8123", "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"}
    assert beside(folder, **given) == given


def test_a_token_that_cannot_be_read_is_said(folder: Path) -> None:
    (folder / ADMIN_TOKEN_FILE).unlink()
    with pytest.raises(FolderInUseError, match="its admin token cannot be read: No such file"):
        beside(folder)


@pytest.mark.parametrize(
    ("address", "reached"),
    [("http://0.0.0.0:1", "http://127.0.0.1:1"), ("http://[::]:1", "http://[::1]:1"), ("http://h:1", "http://h:1")],
)
def test_an_address_of_every_interface_is_reached_by_the_loopback(address: str, reached: str) -> None:
    assert reached_at(address) == reached
