"""Observations as log lines: one for each at most, with what its declaration says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import fields
from types import TracebackType

from service.observing.declared import Declared, Line


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
        extra = {"fields": observation.log_fields()}
        # What `logger.log` does, but for looking up the line of code that logs, which no line shows.
        logger.handle(logger.makeRecord(logger.name, level, "", 0, message, (), exc_info, extra=extra))

    return log_observation


def _members(observation: Declared) -> dict[str, object]:
    return {field.name: getattr(observation, field.name) for field in fields(observation)}


def _traceback(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    return type(error), error, error.__traceback__
