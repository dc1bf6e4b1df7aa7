"""The fault suite: it runs only when it is named, `ROUNDS` rounds of each fault, and prints what it saw as a table."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.bench.server_command import StartedServer
from tests.faults.house import FaultHouse
from tests.faults.judge import RESULTS, table
from tests.servers import ServerUnavailableError, restartable_clickhouse, restartable_kafka

HERE = Path(__file__).parent
ROUND_SECONDS = 300
FIRST_SEED = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(1_000_000))
ROUNDS = int(os.environ.get("ROUNDS") or 1)
"""Round n has the seed `FAULT_SEED` + n; without that variable the first seed is a random one."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Rounds take minutes, so `pytest` alone leaves them out: the folder or a file in it must be named."""
    named = any(Path(argument.split("::")[0]).resolve().is_relative_to(HERE) for argument in config.args)
    return None if named else True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(FIRST_SEED, FIRST_SEED + ROUNDS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(ROUND_SECONDS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not RESULTS:
        return
    text = table(RESULTS)
    terminalreporter.write_line(f"\nFAULT_SEED={FIRST_SEED} ROUNDS={ROUNDS}\n{text}")
    if path := os.environ.get("FAULT_TABLE"):
        page = Path(path)
        head = page.read_text().partition("<!-- table -->")[0]
        page.write_text(f"{head}<!-- table -->\nFirst seed {FIRST_SEED}, {ROUNDS} rounds of each.\n\n{text}\n")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    try:
        with restartable_kafka(tmp_path_factory.mktemp("kafka")) as server:
            yield server
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedServer]:
    try:
        with restartable_clickhouse(tmp_path_factory.mktemp("clickhouse")) as server:
            yield server
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def chance(seed: int) -> random.Random:
    """Everything that is left to chance in one round."""
    print(f"FAULT_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def house(
    broker: StartedServer, engine: StartedServer, tmp_path: Path, request: pytest.FixtureRequest, seed: int
) -> Iterator[FaultHouse]:
    name = request.node.originalname.removeprefix("test_").replace("_", " ")
    with FaultHouse(broker, engine, tmp_path, name, seed) as house:
        yield house
