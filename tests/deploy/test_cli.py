"""The `birdhouse` command without servers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from schemas.project import EXAMPLE_PROJECT

Invoke = Callable[..., Result]
SECRET = "s" * 32


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, data_folder: Path) -> Invoke:
    def run(*arguments: str, **environment: str) -> Result:
        for name in ("KAFKA_BOOTSTRAP_SERVERS", "CLICKHOUSE_URL", "PROJECT_DIR", "BIRDHOUSE_SECRET"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("BIRDHOUSE_DATA", str(data_folder))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(main, arguments)

    return run


@pytest.fixture
def broken_project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "datasources").mkdir(parents=True)
    (folder / "datasources" / "a.datasource").write_text("SCHEMA >\n    `x` NoSuchType `json:$.x`\n")
    (folder / "datasources" / "b.datasource").write_text(
        'SCHEMA >\n    `x` String `json:$.x`\n\nENGINE "NoSuchEngine"\nENGINE_SORTING_KEY "x"\n'
    )
    return folder


def test_help_names_every_command(invoke: Invoke) -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    for command in ("run", "check", "deploy", "tokens", "verify", "replay", "offsets"):
        assert f"\n  {command} " in result.output


def test_the_example_project_has_no_errors(invoke: Invoke) -> None:
    result = invoke("check")
    assert result.exit_code == 0
    assert f"1 data source and 3 pipes in {EXAMPLE_PROJECT}: no errors" in result.stderr


@pytest.mark.parametrize(("options", "exit_code"), [((), 0), (("--strict",), 1)])
def test_a_name_that_is_not_there_is_a_warning_which_fails_a_strict_check(
    invoke: Invoke, tmp_path: Path, options: tuple[str, ...], exit_code: int
) -> None:
    (tmp_path / "a.pipe").write_text("NODE n\nSQL >\n    SELECT 1 FROM nowhere\n")
    result = invoke("check", "--project", str(tmp_path), *options)
    assert (result.exit_code, "warning: Resource 'nowhere' not found" in result.stdout) == (exit_code, True)


def test_one_check_shows_what_is_wrong_with_files_and_with_templates(invoke: Invoke, broken_project: Path) -> None:
    (broken_project / "p.pipe").write_text("NODE n\nSQL >\n    %\n    SELECT {{ x + }}\n")
    result = invoke("check", "--project", str(broken_project))
    assert result.exit_code == 1
    for said in ("NoSuchType", "NoSuchEngine", "unexpected 'end of the tag'", "found 3 errors"):
        assert said in result.stdout


def test_check_prints_every_error_of_every_file_on_stdout(invoke: Invoke, broken_project: Path) -> None:
    result = invoke("check", "--project", str(broken_project))
    assert result.exit_code == 1
    assert "datasources/a.datasource:2:" in result.stdout
    assert "NoSuchType" in result.stdout
    assert "datasources/b.datasource:4:" in result.stdout
    assert "NoSuchEngine" in result.stdout
    assert result.stderr == ""


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


def test_tokens_are_a_table_and_admin_alone_is_its_value(invoke: Invoke) -> None:
    table = invoke("tokens", BIRDHOUSE_SECRET=SECRET)
    admin = invoke("tokens", "admin", BIRDHOUSE_SECRET=SECRET)
    assert table.exit_code == admin.exit_code == 0
    name, scopes, value = table.stdout.splitlines()[1].split()
    assert (name, scopes, value) == ("admin", "everything", admin.stdout.strip())


def test_tokens_are_those_of_the_secret_in_a_file(invoke: Invoke, tmp_path: Path, data_folder: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    given = invoke("tokens", "admin", BIRDHOUSE_SECRET_FILE=str(tmp_path / "secret"))
    assert (given.exit_code, given.stderr) == (0, "")
    assert given.stdout == invoke("tokens", "admin", BIRDHOUSE_SECRET=SECRET, BIRDHOUSE_SECRET_FILE="").stdout
    both = invoke("tokens", BIRDHOUSE_SECRET=SECRET, BIRDHOUSE_SECRET_FILE=str(tmp_path / "secret"))
    assert (both.exit_code, both.stdout) == (1, "")
    assert "`BIRDHOUSE_SECRET`: is set, and so is `BIRDHOUSE_SECRET_FILE`" in both.stderr
    missing = invoke("tokens", BIRDHOUSE_SECRET_FILE=str(tmp_path / "nowhere"))
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "`BIRDHOUSE_SECRET_FILE`: the file cannot be read" in missing.stderr
    assert not data_folder.exists()


def test_tokens_of_a_fresh_secret_come_with_a_warning(invoke: Invoke, data_folder: Path) -> None:
    first = invoke("tokens", "admin")
    assert first.stderr.startswith("warning: a new secret is generated")
    assert str(data_folder / "secret") in first.stderr
    assert invoke("tokens", "admin").stderr == ""


def test_the_generated_secret_gives_the_same_tokens_each_time(invoke: Invoke) -> None:
    assert invoke("tokens").stdout == invoke("tokens").stdout


def test_an_unknown_token_is_refused(invoke: Invoke) -> None:
    result = invoke("tokens", "nobody", BIRDHOUSE_SECRET=SECRET)
    assert result.exit_code == 1
    assert "there is no token `nobody`\nhint: the tokens are admin" in result.stderr
    assert result.stdout == ""


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


def test_check_refuses_a_file_that_is_called_like_a_table_of_ours(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "replay_record.datasource").write_text("SCHEMA >\n    `x` String `json:$.x`\n")
    result = invoke("check", "--project", str(tmp_path))
    assert result.exit_code == 1
    assert "the name `replay_record` is that of the record of replays, one of Birdhouse's own" in result.stdout
