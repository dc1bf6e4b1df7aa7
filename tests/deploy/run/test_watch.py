"""What `run --watch` does with saved files: deploys what is right, shows what is wrong once, waits for servers."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from deploy.check import CheckedProject
from deploy.run.watch import ProjectWatch
from service.errors import RefusedPlanError, ServerError

PIPE = "NODE answer\nSQL >\n    {sql}\n\nTYPE endpoint\n"


class Folder:
    """A project that is watched, what was deployed of it, and what people were shown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown: list[str] = []
        self.deployed = 0
        self.failure: Exception | None = None
        self.failures_left = 1_000
        self.save("answer.pipe", "SELECT 1")
        self.watch = ProjectWatch(folder, {}, self._deploy, show=self.shown.append)

    def save(self, name: str, sql: str) -> None:
        (self.folder / name).write_text(PIPE.format(sql=sql))

    def _deploy(self, checked: CheckedProject) -> None:
        if self.failure is not None and self.failures_left:
            self.failures_left -= 1
            raise self.failure
        self.deployed += 1


@pytest.fixture
def project(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_what_was_saved_is_deployed_once(project: Folder) -> None:
    assert project.watch.poll() is None
    project.save("answer.pipe", "SELECT 2")
    checked = project.watch.poll()
    assert checked is not None
    assert "SELECT 2" in checked.catalog.endpoints["answer"].render({}).sql
    assert project.watch.poll() is None
    assert (project.deployed, project.shown) == (1, ["live: answer.pipe"])


def test_a_touched_file_is_no_change(project: Folder) -> None:
    os.utime(project.folder / "answer.pipe", (0, 0))
    assert (project.watch.poll(), project.shown) == (None, [])


def test_of_many_files_five_are_named(project: Folder) -> None:
    for number in range(7):
        project.save(f"p{number}.pipe", "SELECT 1")
    project.watch.poll()
    assert project.shown == ["live: p0.pipe, p1.pipe, p2.pipe, p3.pipe, p4.pipe and 2 more"]


def test_a_removed_file_is_a_change(project: Folder) -> None:
    project.save("more.pipe", "SELECT 1")
    project.watch.poll()
    (project.folder / "more.pipe").unlink()
    checked = project.watch.poll()
    assert checked is not None
    assert set(checked.catalog.endpoints) == {"answer"}


def broken(project: Folder) -> None:
    project.save("answer.pipe", "SELECT 1; SELECT 2")


def refused(project: Folder) -> None:
    project.save("answer.pipe", "SELECT 2")
    project.failure = RefusedPlanError("the project changes what is stored, so nothing was done", "use another")


@pytest.mark.parametrize(
    ("go_wrong", "said"),
    [
        (broken, "a node holds one statement"),
        (refused, "error: the project changes what is stored, so nothing was done\nhint: use another; the last good"),
    ],
)
def test_what_is_wrong_is_shown_once(project: Folder, go_wrong: Callable[[Folder], None], said: str) -> None:
    go_wrong(project)
    assert (project.watch.poll(), project.watch.poll()) == (None, None)
    (shown,) = project.shown
    assert said in shown
    assert shown.endswith("the last good version goes on serving")


def test_a_server_that_is_away_is_asked_again_and_told_of_once(project: Folder) -> None:
    project.save("answer.pipe", "SELECT 2")
    project.failure = ServerError("ClickHouse does not answer")
    assert [project.watch.poll() for _ in range(3)] == [None] * 3
    project.failure = None
    assert project.watch.poll() is not None
    waiting, live = project.shown
    assert waiting.startswith("error: what was saved cannot be deployed yet: ClickHouse does not answer\n")
    assert live == "live: answer.pipe"


async def test_versions_come_without_another_save_once_the_server_answers(project: Folder) -> None:
    project.save("answer.pipe", "SELECT 2")
    project.failure, project.failures_left = ServerError("ClickHouse does not answer"), 2
    async with aclosing(project.watch.versions()) as versions:
        checked = await anext(versions)
    assert (set(checked.catalog.endpoints), project.failures_left) == ({"answer"}, 0)
