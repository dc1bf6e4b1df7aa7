"""The commands under test as processes: started, waited for, accounted, ended."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.systems.accounting import cpu_seconds, peak_memory
from bench.systems.server_command import end_group, tail
from bench.systems.servers import foreign_environment

WORKER = ("-m", "ingest_worker")
API = ("-m", "query_api")
_BIRDHOUSE = ("-c", "from deploy.cli import main; main()")
RUN = (*_BIRDHOUSE, "run")
DEPLOY = (*_BIRDHOUSE, "deploy")
# Joining a group takes seconds, and every core may be busy.
READY_SECONDS = 90.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Command:
    """A running command; it leads a process group of its own, which is what is accounted."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def process_group(self) -> int:
        return self.process.pid

    @property
    def cpu_seconds(self) -> float | None:
        return cpu_seconds(self.process_group)

    @property
    def peak_memory(self) -> int | None:
        return peak_memory(self.process_group)

    def check_alive(self) -> None:
        """Raise `BenchError` with the end of its log when it has ended."""
        if self.process.poll() is not None:
            last = tail(self.log.read_text(errors="replace"), 15)
            raise BenchError(f"`{self.name}` ended with exit code {self.process.returncode}:\n{last}")

    def wait_for_end(self) -> None:
        """Wait until it has ended well. Raises `BenchError` with the end of its log otherwise."""
        if self.process.wait() != 0:
            self.check_alive()

    def wait_for(self, url: str) -> float:
        """Wait until a URL answers 200; gives the moment of `time.monotonic`. Raises `BenchError`."""
        give_up = time.monotonic() + READY_SECONDS
        while not answers(url):
            self.check_alive()
            if time.monotonic() > give_up:
                raise BenchError(f"`{self.name}` is not ready after {READY_SECONDS:.0f} s: {reasons(url)}")
            time.sleep(_LOOK_SECONDS)
        return time.monotonic()


@contextmanager
def started_command(
    name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[Command]:
    """A Python process with these arguments; its output goes to `log`. `environment` is all it gets of our names."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, *arguments],
            env={**foreign_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Command(name, process, log)
    finally:
        end_group(process)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - an address of ours
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def reasons(url: str) -> str:
    """What an address says that does not answer 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - an address of ours
            return str(response.status)
    except urllib.error.HTTPError as error:
        return error.read().decode(errors="replace").strip() or str(error)
    except (OSError, urllib.error.URLError) as error:
        return str(error)
