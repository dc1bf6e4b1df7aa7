"""Notices that files of a project were saved, and gives the project once it is right and deployed."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.check import CheckedProject, read_project
from schemas.errors import ProjectError
from schemas.project import project_files
from schemas.report import render
from service.clickhouse.connect import reason_of
from service.errors import RefusedPlanError, ServerError, ServiceError

# Between two looks, in seconds: with reading and deploying, a saved file is live within a second.
POLL_SECONDS = 0.3
# An editor may write a file in several steps: it is read when nothing has changed for this long.
SETTLE_SECONDS = 0.05
_MAX_SETTLES = 20
_INCLUDED = ".incl"
_FILES_SHOWN = 5
_GOES_ON = "the last good version goes on serving"

# Of each file: when it was changed last, in nanoseconds, and its size.
Times = Mapping[Path, tuple[int, int]]


class ProjectWatch:
    """Compares a folder with what was read of it last.

    `deploy` puts a project into ClickHouse, or raises `RefusedPlanError` when that takes more than adding. What people
    are told goes to `show`. Methods block, and are called by one thread at a time.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        deploy: Callable[[CheckedProject], None],
        *,
        show: Callable[[str], None] = lambda text: click.echo(text, err=True),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._deploy = deploy
        self._show = show
        self._sleep = sleep
        self._times = _times(folder)
        self._contents = _contents(self._times)
        self._waiting_because = ""

    def poll(self) -> CheckedProject | None:
        """The project, when files of it hold something else than before, all of it is right, and it is deployed.

        Files that were only touched are no change. What is wrong is shown, once; a server that does not answer is
        asked again at the next poll.
        """
        times = _times(self._folder)
        if times == self._times and not self._waiting_because:
            return None
        times = self._settled(times)
        contents = _contents(times)
        changed = _changed(self._contents, contents)
        if not changed:
            self._times = times
            return None
        try:
            checked = read_project(self._folder, self._environment)
            self._deploy(checked)
        except (ServerError, ClickHouseError) as error:
            self._wait(error.message if isinstance(error, ServerError) else reason_of(error))
            return None
        except (ProjectError, ServiceError) as error:
            self._times, self._contents, self._waiting_because = times, contents, ""
            self._show(_told(error))
            return None
        self._times, self._contents, self._waiting_because = times, contents, ""
        self._show(self._announced(checked, changed))
        return checked

    def _settled(self, times: Times) -> Times:
        for _ in range(_MAX_SETTLES):
            self._sleep(SETTLE_SECONDS)
            before, times = times, _times(self._folder)
            if before == times:
                break
        return times

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


def _told(error: ProjectError | ServiceError) -> str:
    if isinstance(error, ProjectError):
        return f"{render(error.problems)}\nhint: {_GOES_ON}"
    message = error.message if isinstance(error, RefusedPlanError) else str(error)
    hint = f"{error.hint}; {_GOES_ON}" if isinstance(error, RefusedPlanError) and error.hint else _GOES_ON
    return f"error: {message}\nhint: {hint}"


def _times(folder: Path) -> Times:
    times = {}
    for path in (*project_files(folder), *_includes(folder)):
        try:
            found = path.stat()
        except OSError:  # it went away in this moment
            continue
        times[path] = (found.st_mtime_ns, found.st_size)
    return times


def _includes(folder: Path) -> Iterator[Path]:
    """What project files may include; they lie in the project too, in folders that are not hidden."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        yield from (Path(parent, name) for name in files if name.endswith(_INCLUDED))


def _contents(times: Times) -> dict[Path, bytes]:
    contents = {}
    for path in times:
        try:
            contents[path] = hashlib.sha256(path.read_bytes()).digest()
        except OSError:
            continue
    return contents


def _changed(before: Mapping[Path, bytes], now: Mapping[Path, bytes]) -> list[Path]:
    """Files that are new, hold something else, or are gone."""
    return sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
