"""The text of a project file as lines that know where they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from schemas.model import Place, Problem

MAX_FILE_BYTES = 1 << 20
"""Files of projects are a few KB; a larger one is something else with the name of a project file."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its line end; `file` is relative to the project, `number` counts from 1.

    `written` is the line as the file has it where something was filled in, and `secrets` are the values that
    came from outside: neither of them is ever shown to people.
    """

    file: str
    number: int
    text: str
    written: str | None = None
    secrets: tuple[str, ...] = ()

    @property
    def indent(self) -> int:
        """How many characters of white space the line starts with."""
        return len(self.text) - len(self.text.lstrip())

    def place(self, column: int = 1) -> Place:
        return Place(self.file, self.number, column)

    def problem(self, message: str, hint: str = "", *, column: int = 1, warning: bool = False) -> Problem:
        """Something wrong at a column of this line, with the line as the file has it."""
        for secret in self.secrets:
            message, hint = message.replace(secret, "…"), hint.replace(secret, "…")
        shown = self.text if self.written is None else self.written
        return Problem(self.place(column), message, hint, shown, "warning" if warning else "error")


@dataclass(slots=True)
class Datafile:
    """The lines of one file and what was found wrong while they were read; `text` is the file as it is."""

    file: str
    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    text: str = ""

    @property
    def has_errors(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)


def read_text(path: Path, file: str, problems: list[Problem]) -> str | None:
    """A file's text, or None and a problem when it is no text file of a bearable size."""
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        problems.append(Problem(Place(file), f"the file cannot be read: {error.strerror}"))
        return None
    if len(raw) > MAX_FILE_BYTES:
        problems.append(Problem(Place(file), f"the file is larger than {MAX_FILE_BYTES:,} bytes"))
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        problems.append(Problem(Place(file, line, column), "the file is not UTF-8", "save it as UTF-8"))
        return None


def lines_of(text: str, file: str) -> list[Line]:
    """The lines of a text, whatever ends them; a byte order mark is left out."""
    body = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return [Line(file, number, content) for number, content in enumerate(body.split("\n"), 1)]
