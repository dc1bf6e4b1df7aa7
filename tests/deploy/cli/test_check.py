"""`birdhouse check` reads a project and says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.project import EXAMPLE_PROJECT
from tests.deploy.cli.invoke import Invoke


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


def test_check_refuses_a_file_that_is_called_like_a_table_of_ours(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "replay_record.datasource").write_text("SCHEMA >\n    `x` String `json:$.x`\n")
    result = invoke("check", "--project", str(tmp_path))
    assert result.exit_code == 1
    assert "the name `replay_record` is that of the record of replays, one of Birdhouse's own" in result.stdout
