"""The log of several processes: lines whole, each saying whose it is."""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
from pathlib import Path

from query_api.processes.sharing.shared_stream import name_process, shared_stream

# More than a pipe takes in one piece.
LINE = "x" * 20_000
LINES = 50


def write(descriptor: int, folder: Path, letter: str) -> None:
    with os.fdopen(descriptor, "w") as stream:
        shared = shared_stream(stream, folder)
        for _ in range(LINES):
            shared.write(LINE.replace("x", letter) + "\n")


def test_lines_of_several_processes_stay_whole(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=write, args=(writing, tmp_path, letter)) for letter in "ab"]
    for writer in writers:
        writer.start()
    os.close(writing)
    with os.fdopen(reading) as stream:
        lines = stream.read().splitlines()
    for writer in writers:
        writer.join()
    assert len(lines) == 2 * LINES
    assert {"".join(sorted(set(line))) for line in lines} == {"a", "b"}
    assert {len(line) for line in lines} == {len(LINE)}


def test_what_it_is_over_says_whether_it_is_a_terminal(tmp_path: Path) -> None:
    assert not shared_stream(io.StringIO(), tmp_path).isatty()


class Seeing(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record)


def test_every_line_says_the_process() -> None:
    root = logging.getLogger()
    handler = Seeing()
    before = root.handlers[:]
    root.handlers[:] = [handler]
    try:
        name_process(3)
        logging.getLogger("some").warning("said", extra={"fields": {"a": 1}})
        logging.getLogger("some").warning("said")
    finally:
        root.handlers[:] = before
    assert [vars(record)["fields"] for record in handler.seen] == [{"a": 1, "process": 3}, {"process": 3}]
