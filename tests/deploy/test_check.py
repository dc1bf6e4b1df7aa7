"""Reading a project: all that is wrong with it at once, or all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.check import read_project
from schemas.errors import ProjectError
from schemas.project import EXAMPLE_PROJECT

PIPE = "NODE n\nSQL >\n    %\n    SELECT {{ tb_secret('NAME') }} AS x\n\nTYPE endpoint\n"


def test_the_example_is_right() -> None:
    checked = read_project(EXAMPLE_PROJECT, {})
    assert (checked.warnings, len(checked.catalog.endpoints)) == ((), 3)


def test_a_projects_secrets_are_those_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "p.pipe").write_text(PIPE)
    (tmp_path / "value").write_text("of the file\n")
    for environment in (
        {"BIRDHOUSE_SECRET_NAME": "of the file"},
        {"BIRDHOUSE_SECRET_NAME_FILE": str(tmp_path / "value")},
    ):
        query = read_project(tmp_path, environment).catalog.endpoints["p"].render({})
        assert list(query.parameters.values()) == ["of the file"]


def test_one_look_shows_what_is_wrong_with_files_and_with_pipes(tmp_path: Path) -> None:
    (tmp_path / "a.datasource").write_text("SCHEMA >\n    `x` NoSuchType `json:$.x`\n")
    (tmp_path / "p.pipe").write_text("NODE n\nSQL >\n    SELECT 1; SELECT 2\n")
    with pytest.raises(ProjectError) as caught:
        read_project(tmp_path, {})
    assert {problem.place.file for problem in caught.value.problems} == {"a.datasource", "p.pipe"}
