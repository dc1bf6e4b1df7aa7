"""The fault suite: it runs only when it is named, `ROUNDS` rounds of each fault, and prints what it saw as a table."""

from __future__ import annotations

import contextlib
import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.systems.server_command import StartedServer
from tests.faults.house import Setup
from tests.faults.judge import RESULTS, keep, kept, tables, write_page
from tests.faults.workers import WorkerPool
from tests.servers import ServerUnavailableError, restartable_clickhouse, restartable_kafka

HERE = Path(__file__).parent
MINUTES = float(os.environ.get("FAULT_MINUTES") or 0.5)
"""How long the load of a round lasts that is only about its load."""
ROUND_SECONDS = 600 + MINUTES * 60
SMALL_DISK = "256m"
ServersFor = Callable[[Setup], tuple[StartedServer, StartedServer]]
FIRST_SEED = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(1_000_000))
ROUNDS = int(os.environ.get("ROUNDS") or 1)
"""Round n has the seed `FAULT_SEED` + n; without that variable the first seed is a random one."""
FAULT = os.environ.get("FAULT") or ""
"""A regular expression that chooses faults by name."""
RECORD = os.environ.get("FAULT_RECORD") or ""
"""A file that every round is written to, from which the page beside it is made: `docs/faults.jsonl`."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Rounds take minutes, so `pytest` alone leaves them out: the folder or a file in it must be named."""
    named = any(Path(argument.split("::")[0]).resolve().is_relative_to(HERE) for argument in config.args)
    if not named:
        return True
    only_bites = bool(os.environ.get("BITES"))
    if collection_path.name in ("test_faults.py", "test_bites.py"):
        return (collection_path.name == "test_bites.py") != only_bites
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(FIRST_SEED, FIRST_SEED + ROUNDS))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    own = [item for item in items if item.path.is_relative_to(HERE)]
    for item in own:
        item.add_marker(pytest.mark.timeout(ROUND_SECONDS))
    if FAULT:
        others = [item for item in own if not re.search(FAULT, item.name)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not RESULTS:
        return
    terminalreporter.write_line(f"\nFAULT_SEED={FIRST_SEED} ROUNDS={ROUNDS}\n{tables(RESULTS)}")
    if RECORD:
        write_page(Path(RECORD).with_suffix(".md"), kept(Path(RECORD)))


@pytest.fixture(autouse=True)
def kept_results() -> Iterator[None]:
    """Every round is written down at once, so that a run that is ended early counts too."""
    before = len(RESULTS)
    yield
    if RECORD:
        for result in RESULTS[before:]:
            keep(Path(RECORD), result)


@pytest.fixture(scope="session")
def code() -> str:
    """The commit that is looked at."""
    said = subprocess.run(["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return said.stdout.strip()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StartedServer, StartedServer]]:
    """The broker and ClickHouse that all rounds share."""
    try:
        with (
            restartable_kafka(tmp_path_factory.mktemp("kafka")) as broker,
            restartable_clickhouse(tmp_path_factory.mktemp("clickhouse")) as engine,
        ):
            yield broker, engine
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def servers_for(
    servers: tuple[StartedServer, StartedServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServersFor]:
    """Which servers a round uses. A ClickHouse on a small disk is only started when one is asked for."""
    with contextlib.ExitStack() as stack:
        small: list[StartedServer] = []

        def choose(setup: Setup) -> tuple[StartedServer, StartedServer]:
            if setup.has_small_disk and not small:
                folder = tmp_path_factory.mktemp("small-disk")
                if stack.enter_context(small_disk(folder)):
                    small.append(stack.enter_context(restartable_clickhouse(folder)))
            return (servers[0], small[0]) if setup.has_small_disk and small else servers

        yield choose


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of that size at `folder`; False where this machine lets nobody mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)]
    is_mounted = False
    with contextlib.suppress(OSError):
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    made = WorkerPool(tmp_path_factory.mktemp("workers"))
    yield made
    made.close()
