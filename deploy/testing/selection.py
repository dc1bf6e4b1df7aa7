"""Which cases of a project a filter asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from deploy.errors import SelectionError
from schemas.cases.case import Case, CaseFile
from schemas.cases.reading import TESTS, case_files, read_cases


def selected(folder: Path, filters: Sequence[str]) -> list[CaseFile]:
    """The files of a project with the cases that one of the filters names, all of them without a filter.

    A filter is a file, a pipe, `pipe:case`, or a part of a case's name. Raises `SelectionError`.
    """
    files = [read_cases(path, folder) for path in case_files(folder)]
    if not files:
        hint = f"a case is in {TESTS}/<pipe>.yaml: docs/testing.md shows one"
        raise SelectionError(f"there are no cases in `{folder / TESTS}`", hint)
    if not filters:
        return files
    for text in filters:
        if not any(_kept([file], [text]) for file in files):
            known = ", ".join(sorted({file.pipe for file in files})[:20])
            raise SelectionError(f"no case is meant by `{text}`", f"there are cases of {known}")
    return _kept(files, filters)


def _kept(files: Iterable[CaseFile], filters: Sequence[str]) -> list[CaseFile]:
    return list(_kept_files(files, filters))


def _kept_files(files: Iterable[CaseFile], filters: Sequence[str]) -> Iterator[CaseFile]:
    for file in files:
        if any(_names_file(text, file) for text in filters):
            yield file
        elif cases := tuple(case for case in file.cases if any(_names_case(text, case) for text in filters)):
            yield replace(file, cases=cases)


def _names_file(text: str, file: CaseFile) -> bool:
    path = Path(text)
    is_path = path.suffix == file.path.suffix and file.path.parts[-len(path.parts) :] == path.parts
    return text == file.pipe or is_path or (path.is_absolute() and path == file.path.resolve())


def _names_case(text: str, case: Case) -> bool:
    pipe, separator, name = text.partition(":")
    return (bool(separator) and pipe == case.pipe and name.strip() == case.name) or text in case.name
