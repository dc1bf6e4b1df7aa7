"""The secret: generated once, private, and refused when it is no secret."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from deploy.errors import SecretError
from deploy.secret import SECRET_FILE, find_secret, write_private
from deploy.settings import RunSettings
from service.settings import load_settings


def settings_of(folder: Path, **environment: str) -> RunSettings:
    return load_settings(RunSettings, {"BIRDHOUSE_DATA": str(folder), **environment})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_generated_once_and_kept(data_folder: Path) -> None:
    first = find_secret(settings_of(data_folder))
    assert len(first) >= 43  # 32 bytes as base64
    assert find_secret(settings_of(data_folder)) == first


def test_two_folders_have_two_secrets(tmp_path: Path) -> None:
    assert find_secret(settings_of(tmp_path / "a")) != find_secret(settings_of(tmp_path / "b"))


def test_nobody_else_can_read_it(data_folder: Path) -> None:
    find_secret(settings_of(data_folder))
    assert mode(data_folder / SECRET_FILE) == 0o600
    assert mode(data_folder) == 0o700
    assert [path.name for path in data_folder.iterdir()] == [SECRET_FILE]


def test_a_file_that_others_could_read_is_closed_to_them(data_folder: Path) -> None:
    find_secret(settings_of(data_folder))
    (data_folder / SECRET_FILE).chmod(0o644)
    find_secret(settings_of(data_folder))
    assert mode(data_folder / SECRET_FILE) == 0o600


def test_the_environments_secret_wins_and_writes_no_file(data_folder: Path) -> None:
    assert find_secret(settings_of(data_folder, BIRDHOUSE_SECRET="s" * 32)) == "s" * 32
    assert not data_folder.exists()


def test_processes_that_start_at_the_same_moment_agree(data_folder: Path) -> None:
    found: list[str] = []
    together = threading.Barrier(8)

    def find() -> None:
        together.wait()
        found.append(find_secret(settings_of(data_folder)))

    threads = [threading.Thread(target=find) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_file_with_too_little_in_it_is_refused(data_folder: Path) -> None:
    data_folder.mkdir()
    (data_folder / SECRET_FILE).write_text("short\n")
    with pytest.raises(SecretError, match="fewer than 16 characters") as caught:
        find_secret(settings_of(data_folder))
    assert "short" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretError, match="BIRDHOUSE_DATA"):
        find_secret(settings_of(tmp_path / "file" / "data"))


def test_a_private_file_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert mode(path) == 0o600
