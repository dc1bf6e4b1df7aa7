"""Follows the files of a project: gives it each time when it holds something else, is right, and is deployed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path

import click
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.check import CheckedProject, read_project
from deploy.run.changes import changes, project_folders
from schemas.errors import ProjectError
from schemas.project import project_files
from schemas.report import render
from service.clickhouse.connect import reason_of
from service.errors import RefusedPlanError, ServerError, ServiceError

_INCLUDED = ".incl"
_FILES_SHOWN = 5
_GOES_ON = "the last good version goes on serving"


class ProjectWatch:
    """Compares a folder with what was read of it last.

    `deploy` puts a project into ClickHouse, or raises `RefusedPlanError` when that takes more than adding. What people
    are to read goes to `show`. One task or thread at a time uses it.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        deploy: Callable[[CheckedProject], None],
        *,
        show: Callable[[str], None] = lambda text: click.echo(text, err=True),
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._deploy = deploy
        self._show = show
        self._contents = _contents(folder)
        self._waiting_because = ""

    async def versions(self) -> AsyncGenerator[CheckedProject]:
        """Every version that `poll` gives, as long as somebody asks."""
        async with aclosing(changes(self._folder)) as looks:
            async for is_changed in looks:
                if not is_changed and not self._waiting_because:
                    continue
                checked = await asyncio.to_thread(self.poll)
                if checked is not None:
                    yield checked

    def poll(self) -> CheckedProject | None:
        """The project, when files of it hold something else than before, all of it is right, and it is deployed.

        Files that were only touched are no change. What is wrong is shown, once; a server that does not answer is
        asked again at the next poll.
        """
        contents = _contents(self._folder)
        changed = _changed(self._contents, contents)
        if not changed:
            self._waiting_because = ""
            return None
        try:
            checked = read_project(self._folder, self._environment)
            self._deploy(checked)
        except (ServerError, ClickHouseError) as error:
            self._wait(error.message if isinstance(error, ServerError) else reason_of(error))
            return None
        except (ProjectError, ServiceError) as error:
            self._contents, self._waiting_because = contents, ""
            self._show(_words_of(error))
            return None
        self._contents, self._waiting_because = contents, ""
        self._show(self._announced(checked, changed))
        return checked

    def _wait(self, reason: str) -> None:
        if reason != self._waiting_because:
            self._waiting_because = reason
            self._show(f"error: what was saved cannot be deployed yet: {reason}\nhint: {_GOES_ON}")

    def _announced(self, checked: CheckedProject, changed: list[Path]) -> str:
        names = [path.relative_to(self._folder).as_posix() for path in changed]
        more = f" and {len(names) - _FILES_SHOWN} more" if len(names) > _FILES_SHOWN else ""
        live = f"live: {', '.join(names[:_FILES_SHOWN])}{more}"
        ours = [problem for problem in checked.warnings if problem.place.file in names]
        return f"{render(ours)}\n{live}" if ours else live


def _words_of(error: ProjectError | ServiceError) -> str:
    if isinstance(error, ProjectError):
        return f"{render(error.problems)}\nhint: {_GOES_ON}"
    message = error.message if isinstance(error, RefusedPlanError) else str(error)
    hint = f"{error.hint}; {_GOES_ON}" if isinstance(error, RefusedPlanError) and error.hint else _GOES_ON
    return f"error: {message}\nhint: {hint}"


def _contents(folder: Path) -> dict[Path, bytes]:
    """The checksum of each file, also of those that project files may include."""
    included = (path for parent in project_folders(folder) for path in parent.glob(f"*{_INCLUDED}"))
    contents = {}
    for path in (*project_files(folder), *included):
        try:
            contents[path] = hashlib.sha256(path.read_bytes()).digest()
        except OSError:  # it went away in this moment
            continue
    return contents


def _changed(before: Mapping[Path, bytes], now: Mapping[Path, bytes]) -> list[Path]:
    """Files that are new, hold something else, or are gone."""
    return sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
