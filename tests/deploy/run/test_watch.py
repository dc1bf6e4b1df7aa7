"""What `run --watch` does with saved files: deploys what is right, shows what is wrong once, waits for servers."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from deploy.check import CheckedProject, read_project
from deploy.run.watch import ProjectWatch
from schemas.model import Problem, Project
from schemas.queries.catalog import Catalog
from service.analysis.findings import Findings
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


def refusing(*broken: str) -> Callable[[Project, Catalog], Findings]:
    """What analyses a project and refuses every pipe whose SQL names one of these."""

    def analyse(project: Project, catalog: Catalog) -> Findings:
        wrong = {
            pipe.name: Problem(pipe.place, f"ClickHouse refuses `{pipe.name}`")
            for pipe in project.pipes.values()
            if any(name in node.sql for node in pipe.nodes for name in broken)
        }
        return Findings(tuple(wrong.values()), frozenset(wrong))

    return analyse


@pytest.fixture
def analysed(project: Folder) -> Folder:
    """A watched project of two pipes, whose SQL is analysed: `nothing` is a column that there is not."""
    project.save("other.pipe", "SELECT 1")
    project.watch = ProjectWatch(
        project.folder, {}, project._deploy, analyse=refusing("nothing"), show=project.shown.append
    )
    project.watch.begin(read_project(project.folder, {}))
    return project


def sql_of(checked: CheckedProject | None) -> dict[str, str]:
    assert checked is not None
    return {name: endpoint.render({}).sql.strip() for name, endpoint in checked.catalog.endpoints.items()}


def test_what_broke_goes_on_as_it_was_and_the_rest_is_live(analysed: Folder) -> None:
    analysed.save("answer.pipe", "SELECT nothing")
    analysed.save("other.pipe", "SELECT 2")
    assert sql_of(analysed.watch.poll()) == {"answer": "SELECT 1", "other": "SELECT 2"}
    (shown,) = analysed.shown
    assert "error: ClickHouse refuses `answer`" in shown
    assert shown.endswith("hint: the last good version of `answer` goes on serving\nlive: other.pipe")


def test_a_file_that_cannot_be_read_holds_up_itself_alone(analysed: Folder) -> None:
    analysed.save("answer.pipe", "SELECT 1; SELECT 2")
    analysed.save("other.pipe", "SELECT 2")
    assert sql_of(analysed.watch.poll()) == {"answer": "SELECT 1", "other": "SELECT 2"}


def test_what_never_was_right_is_left_out(analysed: Folder) -> None:
    analysed.save("new.pipe", "SELECT nothing")
    analysed.save("other.pipe", "SELECT 2")
    assert set(sql_of(analysed.watch.poll())) == {"answer", "other"}
    assert "hint: `new` cannot be asked until it is right" in analysed.shown[-1]
    analysed.save("new.pipe", "SELECT 3")
    assert sql_of(analysed.watch.poll())["new"] == "SELECT 3"


def test_when_nothing_but_what_broke_was_saved_nothing_is_deployed(analysed: Folder) -> None:
    analysed.save("answer.pipe", "SELECT nothing")
    assert analysed.watch.poll() is None
    assert analysed.deployed == 0
    assert analysed.shown[-1].endswith("the last good version goes on serving")


def test_the_former_version_of_one_file_brings_back_that_of_another_which_is_not_right_with_it(
    analysed: Folder,
) -> None:
    def analyse(project: Project, catalog: Catalog) -> Findings:
        found = refusing("nothing")(project, catalog)
        both = {name: pipe.nodes[0].sql for name, pipe in project.pipes.items()}
        # `other` in its new version needs the new version of `answer`.
        wrong = {"other"} if both.get("other") == "SELECT 2" and both.get("answer") == "SELECT 1" else set()
        return Findings(found.problems, found.broken | wrong)

    analysed.watch._analyse = analyse
    analysed.save("answer.pipe", "SELECT nothing")
    analysed.save("other.pipe", "SELECT 2")
    analysed.save("third.pipe", "SELECT 3")
    assert sql_of(analysed.watch.poll()) == {"answer": "SELECT 1", "other": "SELECT 1", "third": "SELECT 3"}
    assert analysed.shown[-1].endswith("version of `answer`, `other` goes on serving\nlive: third.pipe")


def test_a_project_that_begins_with_something_broken_serves_the_rest(project: Folder) -> None:
    project.save("other.pipe", "SELECT nothing")
    project.save("reader.pipe", "SELECT * FROM other")
    watch = ProjectWatch(project.folder, {}, project._deploy, analyse=refusing("nothing"), show=project.shown.append)
    served = watch.begin(read_project(project.folder, {}))
    assert set(served.catalog.endpoints) == {"answer"}
    assert served.project.set_aside == {"other", "reader"}
    assert project.shown[-1] == "hint: until it is right `other`, `reader` cannot be asked"
