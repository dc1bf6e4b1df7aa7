"""The template functions that measure the time between two dates."""

# ruff: noqa: ARG001 - every function of a template is given the render

from __future__ import annotations

import re
from datetime import datetime

from schemas.template.errors import TemplateRenderError
from schemas.template.functions.registry import Function, declare
from schemas.template.rendering import Render
from schemas.template.values.json_values import plain_text
from schemas.template.values.kinds import kind_of
from schemas.template.values.parsing import shown

_DAY = "%Y-%m-%d"
_SECOND = "%Y-%m-%d %H:%M:%S"
# A format this long parses nothing real, and strptime builds a regular expression of it.
_MAX_FORMAT = 64


def _read(value: object, formats: list[str]) -> datetime | None:
    text = plain_text(value)[:_MAX_FORMAT]
    for each in formats if text.isascii() else ():  # strptime takes digits of any script
        try:
            return datetime.strptime(text, each).replace(tzinfo=None)
        except (ValueError, re.error):  # the latter for a format that names one part twice
            continue
    return None


def _difference(name: str, seconds: int, default_format: str) -> Function:
    def function(
        render: Render,
        date_1: object,
        date_2: object,
        date_format: object = default_format,
        backup_date_format: object = None,
        none_if_error: object = False,
    ) -> object:
        formats = [each[:_MAX_FORMAT] for each in (date_format, backup_date_format) if isinstance(each, str) and each]
        first, second = _read(date_1, formats), _read(date_2, formats)
        if first is None or second is None:
            if none_if_error:
                return None
            wrong = date_1 if first is None else date_2
            given = f"'{shown(wrong)}'" if isinstance(wrong, str) else kind_of(wrong)
            expected = " or ".join(formats) or "any format, since none is given as text"
            raise TemplateRenderError(
                f"invalid date_format in function date_diff_in_*: {given} does not match {expected}"
            )
        return int(abs((first - second).total_seconds())) // seconds

    function.__name__ = function.__qualname__ = name
    return function


for _name, _seconds, _format in (
    ("day_diff", 86_400, _DAY),
    ("date_diff_in_days", 86_400, _DAY),
    ("date_diff_in_hours", 3_600, _SECOND),
    ("date_diff_in_minutes", 60, _SECOND),
    ("date_diff_in_seconds", 1, _SECOND),
):
    declare(_name, _difference(_name, _seconds, _format))
