"""Log lines by declaration: message, level, fields and traceback."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from service.observing.declared import Declared, Line, Without
from service.observing.log import log_to

observe = log_to(logging.getLogger("some"))


@dataclass(frozen=True, slots=True)
class Failed(Declared):
    log = Line(lambda failed: logging.ERROR if failed.times > 1 else logging.INFO, "{place} failed", traceback="error")
    metrics = Without("a test")

    place: str
    error: BaseException
    seconds: float
    parts: tuple[str, ...]
    times: int


@dataclass(frozen=True, slots=True)
class Quiet(Declared):
    log = Without("a test")
    metrics = Without("a test")

    place: str


@pytest.mark.parametrize(("times", "level"), [(1, logging.INFO), (2, logging.ERROR)])
def test_what_the_line_shows_is_no_field_and_the_fields_are_short(
    times: int, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError("boom")
    with caplog.at_level(logging.INFO):
        observe(Failed("here", error, 0.123456, ("a", "b"), times))
    (record,) = caplog.records
    assert (record.name, record.levelno, record.getMessage()) == ("some", level, "here failed")
    assert record.__dict__["fields"] == {"seconds": 0.1235, "parts": "a, b", "times": times}
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_a_level_that_is_not_logged_and_a_kind_without_a_line_are_silent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        observe(Failed("here", ValueError(), 0, (), 1))
        observe(Quiet("here"))
    assert caplog.records == []
    assert Quiet("here").log_fields() == {"place": "here"}
