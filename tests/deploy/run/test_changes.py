"""What is saved in a project's folders is noticed, however an editor does it; what lies beside it is not."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from deploy.errors import MissingExtraError
from deploy.run.changes import changes, require_watchfiles, watched_folders

# What a change takes on a busy machine at most.
NOTICED_SECONDS = 10.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.pipe").write_text("old")
    return folder


def save(project: Path) -> None:
    (project / "a.pipe").write_text("new")


def save_by_rename(project: Path) -> None:
    (project / "a.pipe~").write_text("new")
    (project / "a.pipe~").replace(project / "a.pipe")


def remove(project: Path) -> None:
    (project / "a.pipe").unlink()


def save_in_a_new_folder(project: Path) -> None:
    (project / "pipes" / "deep").mkdir(parents=True)
    (project / "pipes" / "deep" / "b.pipe").write_text("new")


def put_another_folder_in_its_place(project: Path) -> None:
    project.rename(project.with_name("former"))
    shutil.copytree(project.with_name("former"), project)


async def until(wanted: bool, told: AsyncIterator[bool]) -> None:
    async with asyncio.timeout(NOTICED_SECONDS):
        while await anext(told) is not wanted:
            pass


async def noticed(project: Path, *saves: Callable[[Path], None]) -> int:
    """How many of the saves, one after the other, are noticed."""
    count = 0
    async with aclosing(changes(project)) as told:
        assert await anext(told)  # the start
        for save_it in saves:
            await until(False, told)
            save_it(project)
            await until(True, told)
            count += 1
    return count


@pytest.mark.parametrize(
    "save_it", [save, save_by_rename, remove, save_in_a_new_folder, put_another_folder_in_its_place]
)
async def test_what_is_saved_is_noticed(project: Path, save_it: Callable[[Path], None]) -> None:
    assert await noticed(project, save_it) == 1


async def test_a_folder_that_is_made_later_is_followed(project: Path) -> None:
    def save_there_again(project: Path) -> None:
        (project / "pipes" / "deep" / "b.pipe").write_text("newer")

    assert await noticed(project, save_in_a_new_folder, save_there_again) == 2


async def test_the_folder_that_took_the_projects_place_is_followed(project: Path) -> None:
    assert await noticed(project, put_another_folder_in_its_place, save) == 2


async def test_files_are_compared_where_the_system_tells_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "1")
    assert await noticed(project, save, save_by_rename) == 2


async def test_files_are_compared_where_nothing_can_be_watched(
    project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watch = watchfiles.awatch

    def out_of_watches(*folders: Path, force_polling: bool | None, **options: Any) -> AsyncIterator[object]:
        if not force_polling:
            raise OSError(28, "OS file watch limit reached")
        return watch(*folders, force_polling=force_polling, **options)

    monkeypatch.setattr(watchfiles, "awatch", out_of_watches)
    assert await noticed(project, save) == 1
    assert [record.message for record in caplog.records] == ["the system tells of no saved files, they are compared"]


async def test_a_project_that_is_gone_is_waited_for(project: Path) -> None:
    shutil.rmtree(project)

    def make(project: Path) -> None:
        project.mkdir()

    assert await noticed(project, make) == 1


async def test_a_save_right_after_another_is_looked_at_too(project: Path) -> None:
    async with aclosing(changes(project)) as told:
        await until(False, told)
        save(project)
        await until(True, told)
        assert [await anext(told) for _ in range(4)] == [True] * 4


async def test_what_lies_in_hidden_folders_is_nothing_to_watch(project: Path) -> None:
    (project / ".birdhouse").mkdir()
    async with aclosing(changes(project)) as told:
        await until(False, told)
        (project / ".birdhouse" / "part").write_text("rows")
        assert not await anext(told)


def test_the_folder_that_a_link_leads_to_is_watched_too(project: Path) -> None:
    version = project / "..version"
    version.mkdir()
    (version / "b.pipe").write_text("mounted")
    (project / "b.pipe").symlink_to("..version/b.pipe")
    assert set(watched_folders(project)) == {project, version}


def test_a_missing_package_is_said_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require_watchfiles()
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(MissingExtraError, match="`watchfiles` is not installed: without it `--watch`") as error:
        require_watchfiles()
    assert "or run without `--watch`" in str(error.value)
