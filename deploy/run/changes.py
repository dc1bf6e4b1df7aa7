"""Notices that files of a project were saved: the system tells of them, through `watchfiles`."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path

from deploy.errors import MissingExtraError
from schemas.project import project_files

logger = logging.getLogger(__name__)

# An editor may write a file in several steps: it is read when nothing has changed for this long, or after the longest.
SETTLE_MILLISECONDS = 50
LONGEST_SETTLE_MILLISECONDS = 500
# Between two looks at what nobody tells of: another folder in the project's place, a server that is away.
TICK_MILLISECONDS = 300
# How many looks a change is worth, for a second and more: where times of files are compared, they are whole seconds, so
# that the second of two saves within one would not be noticed. What was saved before somebody watched is a change too.
LOOKS = 5

# Which folder each path leads to: its device and its inode.
Folders = Mapping[Path, tuple[int, int]]


def require_watchfiles() -> None:
    """Raise `MissingExtraError` where nothing would be noticed."""
    if find_spec("watchfiles") is None:
        raise MissingExtraError("watchfiles", "`--watch` notices nothing", "run without `--watch`")


async def changes(folder: Path) -> AsyncGenerator[bool]:
    """Says True when files in the folders of a project may differ from what they were, also at the start; False every
    0.3 s while nothing is saved. Ends never.

    Folders that are made, removed or replaced meanwhile are followed: hidden ones and those of package managers are
    not. Where the system tells of no changes (network folders), `WATCHFILES_FORCE_POLLING` makes it compare files.
    """
    # It would log each change, among ours.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    may_notify = True
    while True:
        folders = watched_folders(folder)
        try:
            async with aclosing(_changes_in(folders, may_notify=may_notify)) as notifications:
                looks = LOOKS
                async for is_changed in notifications:
                    looks = LOOKS if is_changed else max(looks - 1, 0)
                    yield looks > 0
                    if (is_changed and watched_folders(folder) != folders) or _identity(folder) != folders.get(folder):
                        break
        except FileNotFoundError:  # a folder went away in this moment
            await asyncio.sleep(TICK_MILLISECONDS / 1000)
        except (OSError, RuntimeError) as error:
            if not may_notify:
                raise
            may_notify = False
            logger.warning(
                "the system tells of no saved files, they are compared", extra={"fields": {"error": str(error)}}
            )


async def _changes_in(folders: Folders, *, may_notify: bool) -> AsyncGenerator[bool]:
    from watchfiles import awatch

    notifications = awatch(
        *folders,
        # A mounted configuration changes by a link of a hidden name. What was only touched is compared later anyway.
        watch_filter=None,
        # Each folder by itself: a data folder or `node_modules` in the project is nothing to watch.
        recursive=False,
        step=SETTLE_MILLISECONDS,
        debounce=LONGEST_SETTLE_MILLISECONDS,
        rust_timeout=TICK_MILLISECONDS,
        yield_on_timeout=True,
        force_polling=None if may_notify else True,
        ignore_permission_denied=True,
    )
    async with aclosing(notifications):
        async for changed in notifications:
            yield bool(changed)


def watched_folders(folder: Path) -> Folders:
    """The folders that a project's files lie in or may come to lie in, and those that links lead to."""
    linked = (path.resolve().parent for path in project_files(folder) if path.is_symlink())
    paths = dict.fromkeys((*project_folders(folder), *linked))
    return {path: identity for path in paths if (identity := _identity(path)) is not None}


def project_folders(folder: Path) -> list[Path]:
    """The folder and those in it that are not hidden and not a package manager's."""
    found = []
    for parent, folders, _ in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        found.append(Path(parent))
    return found


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
