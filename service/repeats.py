"""Log lines that say the same again and again: the first at once, the others once a minute with their count."""

from __future__ import annotations

import copy
import logging
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

SECONDS = 60.0
# Kinds that are remembered; of more, the one that was said longest ago counts as new when it comes again.
_MOST_KINDS = 1_000
# What differs between two lines that say the same: how long, how often, which thread of librdkafka.
_COUNTS = re.compile(
    r"\b\d+(?:\.\d+)?(?= ?m?s\b| identical| request| retries| more\b)|(?<=\[thrd:)[^\]]+|(?<=rdkafka#)[\w-]+"
    r"|(?<=birdhouse#)[\w-]+"
)
_ATTEMPTS = frozenset({"attempt", "failures", "first_offset", "last_offset", "rows"})


@dataclass(slots=True)
class _Kind:
    said_at: float
    last: logging.LogRecord
    count: int = 0  # since it was said


class Repeats:
    """Decides which records are written. Warnings and worse alone: of the rest each says something new."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._kinds: OrderedDict[object, _Kind] = OrderedDict()
        self._look_at = 0.0

    def pass_on(self, record: logging.LogRecord) -> list[logging.LogRecord]:
        """The records to be written now: of those held back the ones that are due, and this one unless it says again
        what was said within the time."""
        due = self._due(record.created) if record.created >= self._look_at else []
        if record.levelno < logging.WARNING or record.exc_info:
            return [*due, record]
        key = _key(record)
        kind = self._kinds.get(key)
        if kind is not None and record.created - kind.said_at < self._seconds:
            kind.count += 1
            kind.last = record
            return due
        self._kinds[key] = _Kind(record.created, record)
        self._kinds.move_to_end(key)
        if len(self._kinds) > _MOST_KINDS:
            _, oldest = self._kinds.popitem(last=False)
            due += [self._counted(oldest)] if oldest.count else []
        return [*due, record]

    def rest(self) -> list[logging.LogRecord]:
        """What is still held back, at the end."""
        held = [self._counted(kind) for kind in self._kinds.values() if kind.count]
        self._kinds.clear()
        return held

    def _due(self, now: float) -> list[logging.LogRecord]:
        result = []
        for key, kind in list(self._kinds.items()):
            if now - kind.said_at < self._seconds:
                continue
            if kind.count:
                result.append(self._counted(kind))
                # What goes on being said is told again a minute later.
                kind.said_at, kind.count = now, 0
            else:
                del self._kinds[key]
        self._look_at = min((kind.said_at for kind in self._kinds.values()), default=now) + self._seconds
        return result

    def _counted(self, kind: _Kind) -> logging.LogRecord:
        record = copy.copy(kind.last)
        times = f"{kind.count} time{'s' if kind.count > 1 else ''} in the last {self._seconds:.0f} s"
        record.msg, record.args = f"{kind.last.getMessage()} ({times})", ()
        return record


def _key(record: logging.LogRecord) -> object:
    fields = getattr(record, "fields", None)
    said = (
        tuple(
            (name, _COUNTS.sub("#", value) if isinstance(value, str) else repr(value))
            for name, value in fields.items()
            if not isinstance(value, float) and name not in _ATTEMPTS
        )
        if isinstance(fields, Mapping)
        else ()
    )
    return record.name, record.levelno, _COUNTS.sub("#", record.getMessage()), said
