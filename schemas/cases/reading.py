"""Reads files of cases: YAML to values, every problem with its line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from schemas.cases.case import Case, CaseFile, Span
from schemas.model import Place, Problem

TESTS = "tests"
"""The folder of a project that its cases lie in."""

KEYS = ("name", "description", "parameters", "expected_result", "expected_http_status")

_MAX_BYTES = 20_000_000
_HINT = "a file of cases is a list of " + ", ".join(f"`{key}`" for key in KEYS)


def case_files(folder: Path) -> list[Path]:
    """The files of cases of a project, in order."""
    found = (path for path in (folder / TESTS).rglob("*") if path.suffix in (".yaml", ".yml") and path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def read_cases(path: Path, folder: Path) -> CaseFile:
    """One file of the project in `folder`. What cannot be read is a problem of the file."""
    place = Place(path.relative_to(folder).as_posix())
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig") if len(raw) <= _MAX_BYTES else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        return CaseFile(path, path.stem, "", (), (Problem(place, f"the file cannot be read: {reason}"),))
    if len(raw) > _MAX_BYTES:
        return CaseFile(path, path.stem, "", (), (Problem(place, f"the file has more than {_MAX_BYTES} bytes"),))
    return parse_cases(path, text, place)


def parse_cases(path: Path, text: str, place: Place) -> CaseFile:
    """The cases in a text."""
    reader = _Reader(path.stem, place, text.splitlines())
    try:
        root = YAML(typ="rt", pure=True).compose(text)
    except YAMLError as error:
        reader.refuse(error)
        root = None
    cases = tuple(reader.cases(root))
    return CaseFile(path, path.stem, text, cases, tuple(reader.problems))


@dataclass(slots=True)
class _Reader:
    pipe: str
    file: Place
    lines: Sequence[str]
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, error: YAMLError) -> None:
        mark = error.problem_mark or error.context_mark if isinstance(error, MarkedYAMLError) else None
        said = (error.problem if isinstance(error, MarkedYAMLError) else None) or "it cannot be read"
        self._add(f"the file is no YAML: {said}", mark)

    def cases(self, root: Node | None) -> Iterator[Case]:
        if root is None or (isinstance(root, ScalarNode) and not root.value):
            return
        if not isinstance(root, SequenceNode):
            self._add("the file is no list of cases", root.start_mark, _HINT)
            return
        names: set[str] = set()
        for node in root.value:
            case = self._case(node)
            if case is None:
                continue
            if case.name in names:
                self._add(f"two cases are named `{case.name}`", node.start_mark, severity_is_warning=True)
            names.add(case.name)
            yield case

    def _case(self, node: Node) -> Case | None:
        if not isinstance(node, MappingNode) or not node.value:
            self._add("a case has names and values", node.start_mark, _HINT)
            return None
        if _is_quality_test(node):
            text = "a data quality test of Tinybird Classic is read and not run"
            self._add(text, node.start_mark, _HINT, severity_is_warning=True)
            return None
        before = self._errors()
        values = dict(self._values(node))
        texts = {key: self._text(key, value) for key, value in values.items()}
        name = texts.get("name")
        if not name:
            self._add("a case has no `name`", node.start_mark, _HINT)
        status = self._status(values.get("expected_http_status"))
        if self._errors() > before or name is None:
            return None
        spans = {str(key.value): _span(key, value) for key, value in node.value}
        return Case(
            pipe=self.pipe,
            name=name,
            description=texts.get("description") or "",
            parameters=(texts.get("parameters") or "").strip().removeprefix("?"),
            expected_result=texts.get("expected_result"),
            expected_http_status=status,
            place=self._place(node.start_mark),
            result_span=spans.get("expected_result"),
            status_span=spans.get("expected_http_status"),
            end=_span(*node.value[-1]),
            indentation=node.start_mark.column,
            is_flow=bool(node.flow_style),
        )

    def _values(self, node: MappingNode) -> Iterator[tuple[str, Node]]:
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name not in KEYS:
                close = next(iter(difflib.get_close_matches(name, KEYS, 1)), "")
                hint = f"did you mean `{close}`?" if close else _HINT
                self._add(f"`{name}` means nothing in a case", key.start_mark, hint, severity_is_warning=True)
            elif name in seen:
                self._add(f"the case has two `{name}`", key.start_mark)
            else:
                seen.add(name)
                yield name, value

    def _text(self, key: str, value: Node) -> str | None:
        if not isinstance(value, ScalarNode):
            hint = (
                "the part of the URL behind `?`: a=1&b=2" if key == "parameters" else "put it in quotes, or behind `|`"
            )
            self._add(f"`{key}` is a text", value.start_mark, hint)
            return None
        return None if value.style is None and value.value in ("", "~", "null", "Null", "NULL") else str(value.value)

    def _status(self, value: Node | None) -> int:
        if value is None or not isinstance(value, ScalarNode) or not str(value.value):
            return 200
        text = str(value.value)
        if text.isascii() and text.isdigit() and 100 <= int(text) <= 599:
            return int(text)
        self._add(f"`{text}` is no status of HTTP", value.start_mark, "a number such as 200 or 400")
        return 200

    def _errors(self) -> int:
        return sum(problem.severity == "error" for problem in self.problems)

    def _place(self, mark: StringMark | None) -> Place:
        return self.file if mark is None else Place(self.file.file, mark.line + 1, mark.column + 1)

    def _add(self, message: str, mark: StringMark | None, hint: str = "", *, severity_is_warning: bool = False) -> None:
        place = self._place(mark)
        line = self.lines[place.line - 1] if mark is not None and place.line <= len(self.lines) else ""
        self.problems.append(
            Problem(place, message, hint, line, severity="warning" if severity_is_warning else "error")
        )


def _is_quality_test(node: MappingNode) -> bool:
    """`- name_of_it: {max_bytes_read: …, max_time: …, sql: …}`."""
    value = node.value[0][1]
    return len(node.value) == 1 and isinstance(value, MappingNode) and any(key.value == "sql" for key, _ in value.value)


def _span(key: Node, value: Node) -> Span:
    if value.start_mark.index == value.end_mark.index:
        # An empty value, which would begin where the next key does.
        colon = key.end_mark.index + 1
        return Span(colon, colon)
    return Span(value.start_mark.index, value.end_mark.index)
