"""The folder that processes share: private, gone at the end; what a killed parent left is gone at the next start."""

from __future__ import annotations

from pathlib import Path

from query_api.processes.sharing.private_folder import private_folder


def test_it_is_private_and_gone_at_the_end(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        (folder / "metrics").mkdir()
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_is_removed_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    with private_folder(tmp_path) as used:
        left = tmp_path / "birdhouse-api-left"
        left.mkdir()
        (left / "alive").touch()  # as a killed process leaves it: the system took its lock back
        made = tmp_path / "birdhouse-api-made"
        made.mkdir()
        (tmp_path / "another").mkdir()
        with private_folder(tmp_path) as other:
            assert sorted(tmp_path.iterdir()) == sorted([used, other, made, tmp_path / "another"])
