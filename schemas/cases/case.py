"""What a file of cases says, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from schemas.model import Place, Problem


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Case:
    """One question to a pipe and what is expected of the answer.

    `parameters` stand behind the `?` of the URL. `expected_result` is the answer as NDJSON, for another status than 200
    the text of the error; None when the file says nothing. The spans are of values as the file writes them (None where
    it does not), `end` of the case's last one; keys are indented by `indentation` blanks, or stand between `{` and `}`
    (`is_flow`).
    """

    pipe: str
    name: str
    description: str = ""
    parameters: str = ""
    expected_result: str | None = None
    expected_http_status: int = 200
    place: Place = field(default=Place(""))
    result_span: Span | None = None
    status_span: Span | None = None
    end: Span = Span(0, 0)
    indentation: int = 0
    is_flow: bool = False

    @property
    def expects_error(self) -> bool:
        return self.expected_http_status != 200


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One file of `tests/`; its cases ask the pipe that it is named after. `problems` are all that is wrong with it."""

    path: Path
    pipe: str
    text: str
    cases: tuple[Case, ...]
    problems: tuple[Problem, ...] = ()
