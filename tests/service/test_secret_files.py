"""Secrets in files: one rule for all of them, and what they hold now is what counts."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from deploy.settings import RunSettings
from service import logs
from service.errors import SettingsError
from service.secret_files import LOOK_SECONDS, FileSecret, with_project_secrets
from service.settings import ServiceSettings, load_settings

SECRET = "a secret of many characters"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def tick(self) -> None:
        self.now += LOOK_SECONDS


def refusal(**environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(ServiceSettings, environment)
    return str(caught.value)


@pytest.mark.parametrize("written", ["{}", "{}\n", "{}\r\n"])
@pytest.mark.parametrize("name", ["CLICKHOUSE_PASSWORD", "BIRDHOUSE_SECRET"])
def test_every_secret_may_be_in_a_file(tmp_path: Path, name: str, written: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(written.format(SECRET).encode())
    settings = load_settings(RunSettings, {f"{name}_FILE": str(file)})
    assert (settings.secret or settings.clickhouse_password).get_secret_value() == SECRET
    assert SECRET not in repr(settings)
    assert logs.redact(f"it is {SECRET}!") == "it is ***!"


@pytest.mark.parametrize("name", ["CLICKHOUSE_PASSWORD", "BIRDHOUSE_SECRET"])
def test_what_is_wrong_with_a_file_is_said_by_its_setting(tmp_path: Path, name: str) -> None:
    file = tmp_path / "file"
    given = {f"{name}_FILE": str(file)}
    assert f"`{name}_FILE`: the file cannot be read: no such file or directory\nhint: the path of" in refusal(**given)
    file.write_text("\n")
    assert f"`{name}_FILE`: the file is empty" in refusal(**given)
    file.write_bytes(b"\xff\xfe" * 20)
    assert f"`{name}_FILE`: the file is no UTF-8 text" in refusal(**given)
    assert f"`{name}_FILE`: the file cannot be read: is a directory" in refusal(**{f"{name}_FILE": str(tmp_path)})
    assert f"`{name}`: is set, and so is `{name}_FILE`" in refusal(**given, **{name: SECRET})


def test_a_secret_that_was_written_where_its_file_belongs_is_not_shown() -> None:
    assert SECRET not in refusal(CLICKHOUSE_PASSWORD_FILE=SECRET)


def test_a_short_secret_in_a_file_is_refused_at_the_start_and_later(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("short")
    assert "at least 16 characters are needed" in refusal(BIRDHOUSE_SECRET_FILE=str(file))
    clock = Clock()
    file.write_text(SECRET)
    secret = FileSecret("BIRDHOUSE_SECRET", file, clock)
    secret.require(16)
    file.write_text("short")
    clock.tick()
    assert secret.get_secret_value() == SECRET


def test_a_file_that_changes_is_read_again_and_one_that_is_gone_leaves_the_last_value(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, clock = tmp_path / "file", Clock()
    file.write_text("first")
    secret = FileSecret("CLICKHOUSE_PASSWORD", file, clock)
    (tmp_path / "next").write_text("second one")
    (tmp_path / "next").replace(file)
    assert secret.get_secret_value() == "first"  # it is not looked at for each request
    clock.tick()
    assert secret.get_secret_value() == "second one"
    file.unlink()
    for _ in range(3):
        clock.tick()
        assert secret.get_secret_value() == "second one"
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == ["a secret's file cannot be used: its last value stays"]
    file.write_text("third one")
    clock.tick()
    assert secret.get_secret_value() == "third one"


def test_a_projects_secrets_are_files_too_and_the_services_own_is_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("value\n")
    given = {"BIRDHOUSE_SECRET_FILE": "/own", "BIRDHOUSE_SECRET_API_KEY_FILE": str(tmp_path / "file"), "HOME": "/"}
    assert with_project_secrets(given) == {"BIRDHOUSE_SECRET_API_KEY": "value", "HOME": "/"}
    with pytest.raises(SettingsError, match="BIRDHOUSE_SECRET_X_FILE`: the file cannot be read"):
        with_project_secrets({"BIRDHOUSE_SECRET_X_FILE": "/no/such"})
