"""The handler that writes the lines of a busy loop together: none is lost, late for long, or out of order."""

from __future__ import annotations

import asyncio
import io
import logging
import subprocess
import sys
import weakref

import pytest

from service.log_handler import GatheringHandler


class Writes(io.StringIO):
    """A stream that keeps each write apart."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def write(self, text: str) -> int:
        self.all.append(text)
        return super().write(text)


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(f"no space left for {len(text)} characters")


def logger_to(stream: io.StringIO) -> logging.Logger:
    logger = logging.Logger("test")
    logger.addHandler(GatheringHandler(stream))
    return logger


async def test_lines_of_a_loop_are_written_together_a_moment_later() -> None:
    stream = Writes()
    logger = logger_to(stream)
    logger.info("one")
    logger.info("two")
    assert stream.all == []
    await asyncio.sleep(0.1)
    assert stream.all == ["one\ntwo\n"]
    logger.info("three")
    await asyncio.sleep(0.1)
    assert stream.all == ["one\ntwo\n", "three\n"]


async def test_a_warning_is_written_at_once_after_what_came_before_it() -> None:
    stream = Writes()
    logger = logger_to(stream)
    logger.info("one")
    logger.warning("two")
    assert stream.getvalue() == "one\ntwo\n"


async def test_a_line_of_another_thread_is_written_at_once_in_its_place() -> None:
    stream = Writes()
    logger = logger_to(stream)
    logger.info("one")
    await asyncio.to_thread(logger.info, "two")
    assert stream.getvalue() == "one\ntwo\n"


async def test_no_more_than_a_thousand_lines_wait() -> None:
    stream = Writes()
    logger = logger_to(stream)
    for number in range(1_500):
        logger.info("%s", number)
    assert stream.getvalue().count("\n") == 1_000


def test_what_a_loop_left_behind_is_written_by_the_next_line_or_at_the_end() -> None:
    stream = Writes()
    logger = logger_to(stream)

    async def log(text: str) -> None:
        logger.info(text)

    asyncio.run(log("one"))
    assert stream.all == []
    asyncio.run(log("two"))  # another loop, which ends as soon
    logging.shutdown([weakref.ref(logger.handlers[0])])  # what `logging` does at exit
    assert stream.getvalue() == "one\ntwo\n"


def test_a_process_writes_all_of_it_before_it_ends() -> None:
    program = (
        "import asyncio, logging; from service import logs; logs.configure('text', 'info', secrets=())\n"
        "async def log(): logging.getLogger('last').info('words')\n"
        "asyncio.run(log())"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stderr.endswith("info last: words\n")


async def test_a_stream_that_takes_nothing_is_told_as_logging_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", True)
    logger_to(Broken()).info("one")
    await asyncio.sleep(0.1)
    assert "no space left for 4 characters" in capsys.readouterr().err
