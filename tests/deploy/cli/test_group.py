"""All commands: their help, their imports, and the words of their errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.cli.invoke import Invoke


def test_help_names_every_command(invoke: Invoke) -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    for command in ("run", "check", "deploy", "tokens", "verify", "replay", "offsets"):
        assert f"\n  {command} " in result.output


@pytest.mark.parametrize("command", ["deploy", "tokens", "run"])
def test_a_broken_project_stops_every_other_command(invoke: Invoke, broken_project: Path, command: str) -> None:
    result = invoke(command, PROJECT_DIR=str(broken_project))
    assert result.exit_code == 1
    assert "NoSuchType" in result.stderr
    assert "NoSuchEngine" in result.stderr
    assert result.stdout == ""


def test_a_wrong_setting_is_named(invoke: Invoke) -> None:
    result = invoke("tokens", BIRDHOUSE_DATTA="x")
    assert result.exit_code == 1
    assert "`BIRDHOUSE_DATTA`: no such setting" in result.stderr
    assert "did you mean `BIRDHOUSE_DATA`?" in result.stderr


@pytest.mark.sockets
def test_a_server_that_does_not_answer_is_named_without_its_password(invoke: Invoke) -> None:
    result = invoke("deploy", CLICKHOUSE_URL="http://127.0.0.1:1", CLICKHOUSE_PASSWORD="between-us")
    assert result.exit_code == 1
    assert "ClickHouse at `http://127.0.0.1:1`" in result.stderr
    assert "between-us" not in result.output


@pytest.mark.parametrize("command", ["deploy", "run"])
def test_a_missing_extra_is_said_with_what_installs_it(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setitem(sys.modules, "chdb", None)
    ports = dict.fromkeys(("BIRDHOUSE_API_PORT", "BIRDHOUSE_API_ADMIN_PORT", "BIRDHOUSE_INGEST_ADMIN_PORT"), "0")
    result = invoke(command, **ports)
    assert result.exit_code == 1
    assert "the package `chdb` is not installed" in result.stderr
    assert "pip install" in result.stderr


def test_help_is_shown_without_what_the_commands_run() -> None:
    heavy = ("aiohttp", "clickhouse_connect", "confluent_kafka", "ingest_worker", "jinja2", "pydantic", "query_api")
    program = f"import deploy.cli, sys; print(*(name for name in {heavy} if name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


def test_an_error_that_nobody_expects_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, invoke: Invoke) -> None:
    monkeypatch.setattr("deploy.checking.reading.load_project", lambda *_, **__: 1 // 0)
    assert isinstance(invoke("check").exception, ZeroDivisionError)
