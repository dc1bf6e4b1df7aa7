"""Reads a sample: JSON objects, one a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MOST_ROWS = 100_000
MOST_BYTES = 64 * 1024 * 1024

Event = dict[str, Any]


class SampleError(ValueError):
    """A line is no event; `line` is its number from 1."""

    def __init__(self, message: str, line: int, hint: str = "") -> None:
        self.line = line
        self.hint = hint
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Sample:
    """The events that were looked at and their lines as they were; `is_whole`: the file holds no more."""

    events: tuple[Event, ...]
    lines: tuple[str, ...]
    is_whole: bool


def read_sample(lines: Iterable[bytes]) -> Sample:
    """The sample in the lines of a file, up to a bound. Raises `SampleError`."""
    events: list[Event] = []
    kept: list[str] = []
    size = 0
    for number, raw in enumerate(lines, 1):
        size += len(raw)
        if len(events) >= MOST_ROWS or size > MOST_BYTES:
            if not events:
                raise SampleError(f"the line has more than {MOST_BYTES} bytes", number)
            return Sample(tuple(events), tuple(kept), is_whole=False)
        line = _text(raw, number).strip()
        if line:
            events.append(_event(line, number))
            kept.append(line)
    if not events:
        raise SampleError("the file holds no event", 1, "one JSON object a line")
    return Sample(tuple(events), tuple(kept), is_whole=True)


def _text(raw: bytes, number: int) -> str:
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise SampleError("the line is not UTF-8", number) from None


def _event(line: str, number: int) -> Event:
    try:
        event = json.loads(line, object_pairs_hook=_first_wins, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        hint = "one JSON object a line: `jq -c . FILE` writes them so" if line[0] in "{[" else "one JSON object a line"
        said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise SampleError(f"the line is no JSON: {said}", number, hint) from None
    if not isinstance(event, dict):
        hint = "`jq -c '.[]' FILE` takes a list apart" if isinstance(event, list) else "an event has names and values"
        raise SampleError("the line is JSON and no object", number, hint)
    if "\\u" in line and not _is_text(event):
        raise SampleError("the line holds half of a surrogate pair, which is no text", number)
    return event


def _is_text(event: Event) -> bool:
    try:
        json.dumps(event, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _first_wins(pairs: list[tuple[str, Any]]) -> Event:
    """Of two equal keys the first counts, as when events are stored."""
    event: Event = {}
    for key, value in pairs:
        event.setdefault(key, value)
    return event


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no value of JSON")
