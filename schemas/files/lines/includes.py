"""Files taken together: `INCLUDE "file.incl" "NAME=value"` stands for the lines of that file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.files.lines.datafile import Datafile, Line, lines_of, read_text
from schemas.files.lines.secrets import fill_in

_MAX_DEPTH = 5
# What the includes of one file may add up to, and what each costs besides its text: includes of includes multiply.
_MAX_BYTES = 4 << 20
_BYTES_AN_INCLUDE = 1 << 10
_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def read_source(path: Path, folder: Path, environment: Mapping[str, str], *, fills_secrets: bool) -> Datafile:
    """Read a file of the project in `folder`. `fills_secrets` is for data sources and connections: in a pipe
    `tb_secret` is a function of the template language."""
    source = Datafile(path.relative_to(folder).as_posix())
    _Expansion(source, folder.resolve(), environment, fills_secrets).read(path, source.file, {}, 0)
    return source


def source_of(
    text: str, file: str, environment: Mapping[str, str] | None = None, *, fills_secrets: bool = False
) -> Datafile:
    """The same of a text at hand, which can include nothing."""
    source = Datafile(file, text=text)
    for line in lines_of(text, file):
        filled = fill_in(line, environment or {}, source.problems, fills_secrets=fills_secrets, given={})
        source.lines.append(filled)
    return source


@dataclass(slots=True)
class _Expansion:
    source: Datafile
    root: Path
    environment: Mapping[str, str]
    fills_secrets: bool
    budget: int = _MAX_BYTES

    def read(self, path: Path, file: str, given: Mapping[str, str], depth: int) -> None:
        """Add the lines of a file to the source."""
        text = read_text(path, file, self.source.problems)
        if text is None:
            return
        if depth == 0:
            self.source.text = text
        for line in lines_of(text, file):
            words = _include_words(line)
            if words:
                self._include(line, words, path, given, depth)
            else:
                filled = fill_in(
                    line, self.environment, self.source.problems, fills_secrets=self.fills_secrets, given=given
                )
                self.source.lines.append(filled)

    def _include(self, line: Line, words: list[str], path: Path, given: Mapping[str, str], depth: int) -> None:
        names = {**self.environment, **given}
        target = _NAME.sub(lambda match: names.get(match[1] or match[2], match[0]), words[0])
        found = self._find(target, path.parent)
        if found is None:
            if missing := _NAME.search(target):
                name = missing[1] or missing[2]
                text = f"`{target}` is left out: `${{{name}}}` has no value"
                hint = f"set {name}; until then what stands in that file does not count"
                self.source.problems.append(line.problem(text, hint, warning=True))
                return
            hint = "the path is relative to this file or to the project, and lies inside the project"
            self.source.problems.append(line.problem(f"the included file `{target}` is not there", hint))
            return
        size = found.stat().st_size + _BYTES_AN_INCLUDE
        if depth >= _MAX_DEPTH or size > self.budget:
            text = f"too much is included: {_MAX_DEPTH} files deep or {_MAX_BYTES >> 20} MB is the most"
            self.source.problems.append(line.problem(text))
            return
        self.budget -= size
        own = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        self.read(found, found.relative_to(self.root).as_posix(), {**given, **own}, depth + 1)

    def _find(self, target: str, beside: Path) -> Path | None:
        try:
            candidates = [(base / target).resolve() for base in (beside, self.root)]
            return next((file for file in candidates if file.is_relative_to(self.root) and file.is_file()), None)
        except (OSError, ValueError, RuntimeError):  # a name no file system takes, a circle of links
            return None


def _include_words(line: Line) -> list[str]:
    """The arguments of an INCLUDE line, none when it is another line (SQL may have a column `include`)."""
    if line.text[:7].upper() != "INCLUDE" or not line.text[7:8].isspace():
        return []
    try:
        words = shlex.split(line.text[7:], comments=True)
    except ValueError:
        words = line.text[7:].replace('"', " ").replace("'", " ").split()
    return words if words and (line.text.startswith("INCLUDE") or words[0].endswith(".incl")) else []
