"""Secrets that are given as files: `NAME_FILE` names the file that holds what `NAME` would say."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from service.environment import PROJECT_NAMES, is_secret_name
from service.errors import SettingProblem, SettingsError
from service.logs import hide

SUFFIX = "_FILE"
OWN_SECRET = "BIRDHOUSE_SECRET"  # noqa: S105 - a name
# How long a value is taken as it is before the file is looked at again, in seconds.
LOOK_SECONDS = 1.0
# More than any key in PEM form; a file that is larger is another one.
_MOST_BYTES = 65_536

logger = logging.getLogger(__name__)


class FileSecret(SecretStr):
    """What a file holds now. It is read again when it changes, so that a secret is replaced without a restart.

    A file that is gone or empty for a moment, as when it is being replaced, leaves the value that was read last; that
    is logged. Raises `SettingsError` when it cannot be read at the beginning. For use by several threads.
    """

    def __init__(self, name: str, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._path, self._clock = name, path, clock
        self._lock = threading.Lock()
        self._looked = clock()
        self._shortest = 1
        # The file's state when it was read, or what kept us from reading it.
        self._seen: tuple[int, int, int] | str = ""
        try:
            super().__init__(self._read())
        except (OSError, ValueError) as error:
            hint = f"the path of a file that holds the value of {name}, and nothing else"
            raise SettingsError([SettingProblem(name + SUFFIX, _reason(error), hint)]) from None

    def require(self, shortest: int) -> None:
        """From now on a value of fewer characters is none."""
        self._shortest = shortest

    def get_secret_value(self) -> str:
        if self._clock() - self._looked >= LOOK_SECONDS:
            self._look()
        return self._secret_value

    def _look(self) -> None:
        with self._lock:
            self._looked = self._clock()
            try:
                if self._state() == self._seen:
                    return
                value = self._read()
            except (OSError, ValueError) as error:
                reason = _reason(error)
                if self._seen != reason:
                    self._seen = reason
                    fields = {"setting": self._name + SUFFIX, "reason": reason}
                    logger.warning("a secret's file cannot be used: its last value stays", extra={"fields": fields})
                return
            if value != self._secret_value:
                self._secret_value = value
                logger.info("a secret was replaced", extra={"fields": {"setting": self._name + SUFFIX}})

    def _read(self) -> str:
        """Raises `OSError`, and `ValueError` that says what is wrong with the file."""
        # Before reading: what is written meanwhile shows at the next look.
        state = self._state()
        with self._path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError(f"the file holds more than {_MOST_BYTES} bytes")
        value = content.decode().rstrip("\r\n")
        if not value:
            raise ValueError("the file is empty")
        if len(value) < self._shortest:
            raise ValueError(f"the file holds fewer than {self._shortest} characters")
        if "\0" in value:
            raise ValueError("the file holds a zero byte")
        hide([value])
        self._seen = state
        return value

    def _state(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino


def _reason(error: OSError | ValueError) -> str:
    """Without the path: who takes `NAME_FILE` for `NAME` writes the secret itself there."""
    if isinstance(error, OSError):
        return f"the file cannot be read: {(error.strerror or type(error).__name__).lower()}"
    return "the file is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)


def given_secret(name: str, environment: Mapping[str, str]) -> SecretStr | None:
    """The secret of the variable `name`, or of the file that `NAME_FILE` names; None when neither is set.

    Raises `SettingsError` when both are, and for a file that cannot be read.
    """
    value, path = environment.get(name), environment.get(name + SUFFIX)
    if value and path:
        hint = "unset one of them: they may not say the same"
        raise SettingsError([SettingProblem(name, f"is set, and so is `{name}{SUFFIX}`", hint)])
    if path:
        return FileSecret(name, Path(path))
    return SecretStr(value) if value else None


def is_secret_file(name: str) -> bool:
    """Whether a variable's name says that it is the path of a file with a secret of that name without `_FILE`."""
    return name.endswith(SUFFIX) and is_secret_name(name.removesuffix(SUFFIX))


def with_project_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment as a project's files see it: `BIRDHOUSE_SECRET_X_FILE` has become `BIRDHOUSE_SECRET_X`, with
    what the file holds now, and where the services' own secret is does not show. Raises `SettingsError` as
    `given_secret` does."""
    seen = dict(environment)
    seen.pop(OWN_SECRET + SUFFIX, None)
    problems: list[SettingProblem] = []
    for variable, path in environment.items():
        name = variable.removesuffix(SUFFIX)
        if not path or name == variable or not name.startswith(PROJECT_NAMES):
            continue
        del seen[variable]
        try:
            secret = given_secret(name, environment)
        except SettingsError as error:
            problems += error.problems
            continue
        assert secret is not None
        seen[name] = secret.get_secret_value()
    if problems:
        raise SettingsError(problems)
    return seen
