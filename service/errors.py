"""What the code that both services share raises on purpose.

ServiceError
└── SettingsError    the environment is wrong: stop before anything is started
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ServiceError(Exception):
    """Anything this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """One environment variable that is wrong; `message` holds no secret."""

    name: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"`{self.name}`: {self.message}"
        return f"{text}\nhint: {self.hint}" if self.hint else text


class SettingsError(ServiceError):
    """The process cannot start with this environment; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Sequence[SettingProblem]) -> None:
        self.problems = tuple(problems)
        count = "one setting is wrong" if len(self.problems) == 1 else f"{len(self.problems)} settings are wrong"
        super().__init__("\n".join([count, *map(str, self.problems)]))
