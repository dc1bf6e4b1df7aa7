"""Observations as log lines: one for each at most, with what its declaration says."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import fields
from types import TracebackType

from service.observing.declared import Declared, Line

_Traceback = tuple[type[BaseException], BaseException, TracebackType | None]


def log_to(logger: logging.Logger) -> Callable[[Declared], None]:
    """An observer that writes the line of every observation that has one, unless its level is not logged."""

    def log_observation(observation: Declared) -> None:
        line = observation.log
        if not isinstance(line, Line):
            return
        level = line.level if isinstance(line.level, int) else line.level(observation)
        if not logger.isEnabledFor(level):
            return
        message = line.message if "{" not in line.message else line.message.format_map(_members(observation))
        exc_info = None if line.traceback is None else _traceback(getattr(observation, line.traceback))
        logger.handle(_Record(logger.name, level, message, exc_info, observation.log_fields()))

    return log_observation


class _Record(logging.LogRecord):
    """A record with what our lines show. There is one for each request, and what `logging` finds out of itself (the
    line of code that logs, its module, thread and process) takes three times as long as all the rest."""

    _BLANK = vars(logging.LogRecord("", logging.NOTSET, "", 0, "", (), None))

    def __init__(
        self, name: str, level: int, message: str, exc_info: _Traceback | None, fields: dict[str, object]
    ) -> None:
        created = time.time()
        self.__dict__ = self._BLANK | {
            "name": name,
            "levelno": level,
            "levelname": logging.getLevelName(level),
            "msg": message,
            "exc_info": exc_info,
            "created": created,
            "msecs": created % 1 * 1000,
            "fields": fields,
        }


def _members(observation: Declared) -> dict[str, object]:
    return {field.name: getattr(observation, field.name) for field in fields(observation)}


def _traceback(error: BaseException) -> _Traceback:
    return type(error), error, error.__traceback__
