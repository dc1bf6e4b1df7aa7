"""Lines that say the same again: the first at once, the others once a minute with their count."""

from __future__ import annotations

import io
import logging

import pytest

from service.log_handler import GatheringHandler
from service.repeats import Repeats

LIBRDKAFKA = (
    "FAIL [rdkafka#producer-{client}] [thrd:127.0.0.1:9092/bootstrap]: 127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092"
    " failed: Connection refused (after {ms}ms in state CONNECT, {times} identical error(s) suppressed)"
)


def record(message: str, at: float, level: int = logging.WARNING, /, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("librdkafka", level, "", 0, message, (), None)
    made.created, made.fields = at, fields
    return made


def said(repeats: Repeats, *records: logging.LogRecord) -> list[str]:
    return [passed.getMessage() for each in records for passed in repeats.pass_on(each)]


def test_what_is_said_again_comes_once_a_minute_with_its_count() -> None:
    repeats = Repeats()
    lines = said(repeats, *(record("lost", second) for second in range(0, 150, 5)))
    assert lines == ["lost", "lost (11 times in the last 60 s)", "lost (12 times in the last 60 s)"]


def test_a_count_is_told_by_whatever_line_comes_next_and_once() -> None:
    repeats = Repeats()
    lines = said(
        repeats,
        record("lost", 0),
        record("lost", 1),
        record("found", 70, logging.INFO),
        record("found", 200, logging.INFO),
    )
    assert lines == ["lost", "lost (1 time in the last 60 s)", "found", "found"]


def test_how_long_and_how_often_makes_no_new_line_of_librdkafkas() -> None:
    repeats = Repeats()
    lines = said(repeats, *(record(LIBRDKAFKA.format(client=n, ms=n, times=n), n, logging.ERROR) for n in range(1, 30)))
    assert lines == [LIBRDKAFKA.format(client=1, ms=1, times=1)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (record("broken", 0, partition=1), record("broken", 1, partition=2)),
        (record("lost", 0, reason="refused"), record("lost", 1, reason="timed out")),
        (record("10.0.0.1:9092 is down", 0), record("10.0.0.2:9092 is down", 1)),
        (record("lost", 0), record("lost", 1, logging.ERROR)),
        (record("request", 0, request_id="a"), record("request", 1, request_id="b")),
        (record("inserted", 0, logging.INFO), record("inserted", 1, logging.INFO)),
    ],
)
def test_what_differs_is_told(first: logging.LogRecord, second: logging.LogRecord) -> None:
    assert len(said(Repeats(), first, second)) == 2


@pytest.mark.parametrize("fields", [{"retry_seconds": 0.5}, {"attempt": 3}, {"first_offset": 12}])
def test_a_longer_wait_or_one_more_attempt_says_the_same(fields: dict[str, object]) -> None:
    first = record("insert failed", 0, **dict.fromkeys(fields, 1.5 if "retry_seconds" in fields else 1))
    assert len(said(Repeats(), first, record("insert failed", 1, **fields))) == 1


def test_memory_does_not_grow_with_what_is_said() -> None:
    repeats = Repeats()
    for number in range(5_000):
        said(repeats, record("request", 0, request_id=str(number)))
    assert len(repeats._kinds) == 1_000


def test_the_handler_writes_what_is_held_back_when_it_ends() -> None:
    stream = io.StringIO()
    logger, handler = logging.Logger("test"), GatheringHandler(stream)
    logger.addHandler(handler)
    for _ in range(4):
        logger.warning("lost")
    assert stream.getvalue() == "lost\n"
    handler.close()
    assert stream.getvalue() == "lost\nlost (3 times in the last 60 s)\n"
