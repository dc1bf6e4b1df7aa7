"""The template functions that measure the time between two dates."""

# ruff: noqa: ARG001 - every function of a template is given the render

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from query_api.template.errors import TemplateRenderError
from query_api.template.rendering import Render

_DAY = "%Y-%m-%d"
_SECOND = "%Y-%m-%d %H:%M:%S"
# A format this long parses nothing real, and strptime builds a regular expression of it.
_MAX_FORMAT = 64


def _read(text: object, formats: list[str]) -> datetime | None:
    for each in formats:
        try:
            return datetime.strptime(str(text)[:_MAX_FORMAT], each).replace(tzinfo=None)
        except ValueError:
            continue
    return None


def _difference(seconds: int, default_format: str) -> Callable[..., object]:
    def function(
        render: Render,
        date_1: object,
        date_2: object,
        date_format: str = default_format,
        backup_date_format: str | None = None,
        none_if_error: bool = False,
    ) -> object:
        formats = [str(each)[:_MAX_FORMAT] for each in (date_format, backup_date_format) if each]
        first, second = _read(date_1, formats), _read(date_2, formats)
        if first is None or second is None:
            if none_if_error:
                return None
            wrong = date_1 if first is None else date_2
            raise TemplateRenderError(
                f"invalid date_format in function date_diff_in_*: '{wrong}' does not match {' or '.join(formats)}"
            )
        return int(abs((first - second).total_seconds())) // seconds

    return function


DATE_FUNCTIONS: dict[str, Callable[..., object]] = {
    "day_diff": _difference(86_400, _DAY),
    "date_diff_in_days": _difference(86_400, _DAY),
    "date_diff_in_hours": _difference(3_600, _SECOND),
    "date_diff_in_minutes": _difference(60, _SECOND),
    "date_diff_in_seconds": _difference(1, _SECOND),
}
