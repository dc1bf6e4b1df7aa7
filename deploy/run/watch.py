"""Follows the files of a project: gives it each time when it holds something else, is right, and is deployed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from pathlib import Path

import click
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.check import CheckedProject
from deploy.checking.engines import Analyse
from deploy.checking.examination import Examined, examine
from deploy.checking.last_good import with_last_good
from deploy.checking.likely_mistakes import Known
from deploy.run.changes import changes, project_folders
from schemas.errors import ProjectError
from schemas.model import DataSource, Pipe, Project
from schemas.project import project_files
from schemas.report import render
from service.clickhouse.connect import reason_of
from service.errors import RefusedPlanError, ServerError, ServiceError

_INCLUDED = ".incl"
_FILES_SHOWN = 5
_GOES_ON = "the last good version goes on serving"


class ProjectWatch:
    """Compares a folder with what was read of it last.

    `deploy` puts a project into ClickHouse, or raises `RefusedPlanError` when that takes more than adding. `analyse`
    has ClickHouse look at its SQL, `good` is what serves when it begins. What people are to read goes to `show`. One
    task or thread at a time uses it.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        deploy: Callable[[CheckedProject], None],
        *,
        analyse: Analyse | None = None,
        good: CheckedProject | None = None,
        show: Callable[[str], None] = lambda text: click.echo(text, err=True),
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._deploy = deploy
        self._analyse = analyse
        self._good = good
        self._show = show
        self._contents = _contents(folder)
        self._known: Known = {}
        self._waiting_because = ""
        self._not_analysed = ""

    def begin(self, checked: CheckedProject) -> CheckedProject:
        """What of a project without errors in its files is to serve at first: all that ClickHouse takes. What it does
        not take is shown, and set aside with everything that reads it."""
        found = examine(self._folder, self._environment, self._analyse, self._known)
        known = set(checked.warnings)
        if problems := [each for each in found.problems if each not in known]:
            self._show(render(problems))
        if found.set_aside:
            self._show(f"hint: until it is right {_listed(found.set_aside)} cannot be asked")
        self._good = found.rest if found.rest is not None else checked
        return self._good

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
            found = examine(self._folder, self._environment, self._analyse, self._known)
            checked = found.whole if found.whole is not None else self._repaired(found)
            if checked is not None:
                self._deploy(checked)
        except (ServerError, ClickHouseError) as error:
            self._wait(error.message if isinstance(error, ServerError) else reason_of(error))
            return None
        except (ProjectError, ServiceError) as error:
            self._contents, self._waiting_because = contents, ""
            self._show(_words_of(error))
            return None
        self._contents, self._waiting_because = contents, ""
        self._show(self._announced(found, checked, changed))
        self._tell_not_analysed(found)
        self._good = checked or self._good
        return checked

    def _repaired(self, found: Examined) -> CheckedProject | None:
        """The project with the last good versions of what is broken; None when nothing else of it is new."""
        if self._good is None or found.reading.elsewhere:
            return None
        checked = with_last_good(found.reading, found.broken, self._good, self._analyse)
        return None if checked is None or _is_same(checked, self._good) else checked

    def _tell_not_analysed(self, found: Examined) -> None:
        if found.not_analysed and found.not_analysed != self._not_analysed:
            self._show(f"note: the SQL is not analysed: {found.not_analysed}")
        self._not_analysed = found.not_analysed

    def _wait(self, reason: str) -> None:
        if reason != self._waiting_because:
            self._waiting_because = reason
            self._show(f"error: what was saved cannot be deployed yet: {reason}\nhint: {_GOES_ON}")

    def _announced(self, found: Examined, checked: CheckedProject | None, changed: list[Path]) -> str:
        names = [path.relative_to(self._folder).as_posix() for path in changed]
        shown = [each for each in found.problems if each.severity == "error" or each.place.file in names]
        lines = [render(shown)] if shown else []
        if checked is None:
            return "\n".join([*lines, f"hint: {_GOES_ON}"])
        kept = _kept(found, checked, self._good)
        if kept:
            lines.append(f"hint: the last good version of {_listed(kept)} goes on serving")
        if gone := sorted(found.broken - kept.keys()):
            lines.append(f"hint: {_listed(gone)} cannot be asked until it is right")
        wrong = {problem.place.file for problem in found.problems if problem.severity == "error"}
        live = [name for name in names if name not in wrong and name not in kept.values()]
        more = f" and {len(live) - _FILES_SHOWN} more" if len(live) > _FILES_SHOWN else ""
        if live:
            lines.append(f"live: {', '.join(live[:_FILES_SHOWN])}{more}")
        return "\n".join(lines)


def _kept(found: Examined, checked: CheckedProject, good: CheckedProject | None) -> dict[str, str]:
    """What goes on in its last good version instead of the one that was read, each with its file."""
    if good is None:
        return {}
    now, read, before = (_resources(each) for each in (checked.project, found.reading.project, good.project))
    return {
        name: each.place.file
        for name, each in sorted(before.items())
        if now.get(name) == each and read.get(name) != each and (name in found.broken or name in read)
    }


def _resources(project: Project) -> dict[str, DataSource | Pipe]:
    return {**project.data_sources, **project.pipes}


def _is_same(checked: CheckedProject, good: CheckedProject | None) -> bool:
    """Whether two versions ask and hold the same."""
    if good is None:
        return False
    one, other = checked.project, good.project
    return (one.data_sources, one.pipes, one.connections) == (other.data_sources, other.pipes, other.connections)


def _listed(names: Iterable[str]) -> str:
    shown = [f"`{name}`" for name in names]
    more = f" and {len(shown) - _FILES_SHOWN} more" if len(shown) > _FILES_SHOWN else ""
    return f"{', '.join(shown[:_FILES_SHOWN])}{more}"


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
