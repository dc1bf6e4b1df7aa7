"""The text of a project file as lines that know where they come from: includes, ${NAMES} and secrets filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from schemas.model import Place, Problem

MAX_FILE_BYTES = 1 << 20
_MAX_INCLUDE_DEPTH = 5
SECRET_PREFIX = "BIRDHOUSE_SECRET_"  # noqa: S105 - the name of variables, not a secret

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_QUOTED = r"""(?:"([^"\n]*)"|'([^'\n]*)')"""
_SECRET = re.compile(r"\{\{\s*tb_secret\(\s*" + _QUOTED + r"\s*(?:,\s*" + _QUOTED + r"\s*)?\)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its line end; `file` is relative to the project, `number` counts from 1."""

    file: str
    number: int
    text: str

    def place(self, column: int = 1) -> Place:
        return Place(self.file, self.number, column)

    def problem(self, message: str, hint: str = "", *, column: int = 1, warning: bool = False) -> Problem:
        """Something wrong at a column of this line. Where a secret was filled in, the line itself is not shown."""
        return Problem(self.place(column), message, hint, self.text, "warning" if warning else "error")


@dataclass(slots=True)
class Source:
    """The lines of one file and what was found wrong while they were read."""

    file: str
    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    text: str = ""


def read_source(path: Path, folder: Path, environment: Mapping[str, str], *, fills_secrets: bool) -> Source:
    """Read a file of the project in `folder`. `fills_secrets` is for data sources and connections: in a pipe
    `tb_secret` is a function of the template language."""
    source = Source(path.relative_to(folder).as_posix())
    _read(source, path, folder, environment, fills_secrets, 0)
    return source


def source_of(
    text: str, file: str, environment: Mapping[str, str] | None = None, *, fills_secrets: bool = False
) -> Source:
    """The same of a text at hand, without includes."""
    source = Source(file, text=text)
    _add_lines(source, text, file, environment or {}, fills_secrets)
    return source


def _read(
    source: Source, path: Path, folder: Path, environment: Mapping[str, str], fills_secrets: bool, depth: int
) -> None:
    name = path.relative_to(folder).as_posix()
    try:
        raw = path.read_bytes()
    except OSError as error:
        source.problems.append(Problem(Place(name), f"the file cannot be read: {error.strerror}"))
        return
    if len(raw) > MAX_FILE_BYTES:
        source.problems.append(Problem(Place(name), f"the file has {len(raw):,} bytes, more than {MAX_FILE_BYTES:,}"))
        return
    text = raw.decode("utf-8", errors="replace")
    if "\ufffd" in text and "\ufffd".encode() not in raw:
        source.problems.append(Problem(Place(name), "the file is not UTF-8", "save it as UTF-8"))
        return
    if depth == 0:
        source.text = text
    own = Source(name)
    _add_lines(own, text, name, environment, fills_secrets)
    source.problems += own.problems
    for line in own.lines:
        words = line.text.split()
        if words and words[0].upper() == "INCLUDE" and not line.text[0].isspace():
            _include(source, line, path, folder, environment, fills_secrets, depth)
        else:
            source.lines.append(line)


def _include(
    source: Source,
    line: Line,
    path: Path,
    folder: Path,
    environment: Mapping[str, str],
    fills_secrets: bool,
    depth: int,
) -> None:
    """`INCLUDE "file.incl" "NAME=value" …`: the file's lines stand in the place of this one."""
    words = [part.strip("\"'") for part in line.text.split()[1:]]
    if not words:
        source.problems.append(line.problem("`INCLUDE` names no file"))
        return
    root = folder.resolve()
    candidates = [(base / words[0]).resolve() for base in (path.parent, folder)]
    found = next((file for file in candidates if file.is_file() and file.is_relative_to(root)), None)
    if found is None:
        hint = "the path is relative to this file or to the project, and lies inside the project"
        source.problems.append(line.problem(f"the included file `{words[0]}` is not there", hint))
    elif depth >= _MAX_INCLUDE_DEPTH:
        source.problems.append(line.problem(f"includes are nested more than {_MAX_INCLUDE_DEPTH} deep"))
    else:
        given = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        _read(source, found, root, {**environment, **given}, fills_secrets, depth + 1)


def _add_lines(source: Source, text: str, file: str, environment: Mapping[str, str], fills_secrets: bool) -> None:
    body = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for number, content in enumerate(body.split("\n"), 1):
        line = Line(file, number, content)
        if "${" in content:
            content = _VARIABLE.sub(lambda match: environment.get(match[1], match[0]), content)
        if fills_secrets and "{{" in content:
            content = _fill_secrets(source, line, content, environment)
        source.lines.append(Line(file, number, content))


def _fill_secrets(source: Source, line: Line, content: str, environment: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2] or ""
        default = match[3] if match[3] is not None else match[4]
        found = environment.get(SECRET_PREFIX + name, default)
        if found is None:
            hint = f'set {SECRET_PREFIX}{name}, or give a default: tb_secret("{name}", "…")'
            is_connection = line.file.endswith(".connection")
            text = f"the secret `{name}` has no value"
            source.problems.append(line.problem(text, hint, column=match.start() + 1, warning=is_connection))
            return ""
        return found

    return _SECRET.sub(value, content)
