"""Which cases a filter means."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.errors import SelectionError
from deploy.testing.selection import selected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "top.yaml").write_text("- name: all\n- name: of one user\n")
    (tmp_path / "tests" / "top_users.yaml").write_text("- name: all\n- name: nobody\n")
    return tmp_path


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([], ["top all", "top of one user", "top_users all", "top_users nobody"]),
        (["top"], ["top all", "top of one user"]),
        (["tests/top.yaml"], ["top all", "top of one user"]),
        (["top.yaml"], ["top all", "top of one user"]),
        (["top:all"], ["top all"]),
        (["top: all"], ["top all"]),
        (["one user"], ["top of one user"]),
        (["nobody", "top:all"], ["top all", "top_users nobody"]),
    ],
)
def test_a_filter_means_files_and_cases(folder: Path, filters: list[str], names: list[str]) -> None:
    assert [f"{case.pipe} {case.name}" for file in selected(folder, filters) for case in file.cases] == names


@pytest.mark.parametrize("text", ["to", "top:nobody", "tests/none.yaml"])
def test_a_filter_that_means_nothing_is_told(folder: Path, text: str) -> None:
    with pytest.raises(SelectionError, match="no case is meant"):
        selected(folder, ["top", text])


def test_a_project_without_cases_is_told(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="there are no cases in"):
        selected(tmp_path, [])
