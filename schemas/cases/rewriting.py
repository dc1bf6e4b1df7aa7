"""Puts new expectations into a file of cases and leaves every other character of it as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.cases.case import Case, CaseFile

_STEP = "  "
_BLOCK = re.compile(r"[|>][-+0-9]*")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a case is to expect from now on."""

    case: Case
    http_status: int
    result: str


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


def rewritten(file: CaseFile, expectations: Iterable[Expectation]) -> str:
    """The file's text with these expectations."""
    text = file.text
    newline = "\r\n" if "\r\n" in text else "\n"
    edits = [edit for expectation in expectations for edit in _edits(text, expectation)]
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text.replace("\n", newline) + text[edit.end :]
    return text


def _edits(text: str, expectation: Expectation) -> Iterator[_Edit]:
    case = expectation.case
    missing = []
    if expectation.http_status != case.expected_http_status:
        written = str(expectation.http_status)
        if case.status_span is None:
            missing.append(f"expected_http_status: {written}")
        else:
            start, end = case.status_span.start, case.status_span.end
            yield _Edit(start, end, _gap(text, start) + written)
    if case.result_span is None:
        missing.append("expected_result:" + _scalar(expectation, ""))
    else:
        yield _result_edit(text, expectation)
    if missing:
        end = _end_of_value(text, case.end.start, case.end.end)
        if case.is_flow:
            yield _Edit(end, end, "".join(f", {line}" for line in missing))
        else:
            end = _line_end(text, end)
            yield _Edit(end, end, "".join(f"\n{' ' * case.indentation}{line}" for line in missing))


def _result_edit(text: str, expectation: Expectation) -> _Edit:
    """What is said behind the value, or behind the `|` before it, stays on the key's line."""
    case = expectation.case
    assert case.result_span is not None
    start = case.result_span.start
    block = None if case.is_flow else _BLOCK.match(text, start)
    end = _end_of_value(text, start, case.result_span.end)
    # The value begins behind the colon and its blanks, of which one is written anew.
    before = len(text[:start].rstrip(" \t"))
    if case.is_flow:
        return _Edit(before, end, _scalar(expectation, ""))
    if block is not None:
        return _Edit(before, max(end, _line_end(text, start)), _scalar(expectation, _rest(text, block.end())))
    return _Edit(before, _line_end(text, end), _scalar(expectation, _rest(text, end)))


def _scalar(expectation: Expectation, comment: str) -> str:
    """The value with what stands before it and, on the key's line, behind it."""
    lines = expectation.result.splitlines()
    said = f" {comment}" if comment else ""
    if expectation.case.is_flow:
        return " " + json.dumps("\n".join(lines), ensure_ascii=False)
    if not lines:
        return f" ''{said}"
    indentation = " " * expectation.case.indentation + _STEP
    # A first line that begins with a blank needs its indentation said.
    head = f" |{len(_STEP)}" if lines[0][:1] in (" ", "\t") else " |"
    return "\n".join([head + said, *(indentation + line if line else "" for line in lines)])


def _gap(text: str, position: int) -> str:
    """An empty value stands right behind the colon."""
    return " " if text[position - 1 : position] == ":" else ""


def _rest(text: str, position: int) -> str:
    return text[position : _line_end(text, position)].strip()


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    end = len(text) if end < 0 else end
    return end - 1 if text[end - 1 : end] == "\r" and end > position else end


def _end_of_value(text: str, start: int, end: int) -> int:
    """A block ends where the next key begins: what is between is none of it."""
    while end > start and text[end - 1].isspace():
        end -= 1
    return end
