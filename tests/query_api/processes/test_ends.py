"""How several processes end, each way: told, told twice, killed, and those that cannot begin."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.query_api.processes.running import FakeClickHouse, Running, running

pytestmark = [pytest.mark.sockets, pytest.mark.slow]  # each starts processes, which takes seconds


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_was_asked_is_answered_before_the_end(tmp_path: Path, clickhouse: FakeClickHouse) -> None:
    clickhouse.gate.clear()
    came = clickhouse.slow
    with running(tmp_path, clickhouse) as api, ThreadPoolExecutor(8) as pool:
        api.answers()
        asking = [pool.submit(api.ask, f"/v0/pipes/slow.json?n={n}") for n in range(8)]
        api.until(lambda: clickhouse.slow == came + 8)
        pids = [each["pid"] for each in api.processes()]
        api.process.send_signal(signal.SIGTERM)
        api.until(lambda: api.ask("/readyz", api.admin_port)[1].count(b"stopping") == 1)
        with socket.socket() as connection, pytest.raises(ConnectionRefusedError):
            connection.connect(("127.0.0.1", api.port))
        clickhouse.gate.set()
        assert {future.result()[0] for future in asking} == {200}
        assert api.process.wait(60) == 0
        assert not any(map(is_running, pids))
        assert len(api.lines("stopping")) == 1


@contextmanager
def asked_slowly(folder: Path, clickhouse: FakeClickHouse) -> Iterator[tuple[Running, Future[tuple[int, bytes]]]]:
    """A running API of which something is asked that ClickHouse does not answer."""
    clickhouse.gate.clear()
    came = clickhouse.slow
    with running(folder, clickhouse) as api, ThreadPoolExecutor(1) as pool:
        api.answers()
        asking = pool.submit(api.ask, "/v0/pipes/slow.json")
        api.until(lambda: clickhouse.slow == came + 1)
        yield api, asking


def test_a_second_signal_ends_it_at_once(tmp_path: Path, clickhouse: FakeClickHouse) -> None:
    with asked_slowly(tmp_path, clickhouse) as (api, asking):
        # As Ctrl-C in a terminal does, which reaches the processes too.
        for each in (api.process.pid, *(each["pid"] for each in api.processes())):
            os.kill(each, signal.SIGINT)
        api.until(lambda: api.lines("stopping"))
        assert not asking.done()
        assert api.end(signal.SIGINT) == 1
        assert isinstance(asking.exception(), ConnectionError)
        assert {line["reason"] for line in api.lines("is killed")} == {"a second signal"}


def test_without_their_parent_processes_end_and_hold_no_port(tmp_path: Path, clickhouse: FakeClickHouse) -> None:
    with asked_slowly(tmp_path, clickhouse) as (api, asking):
        pids = [each["pid"] for each in api.processes()]
        api.process.kill()
        api.process.wait()
        for port in (api.port, api.admin_port):
            with socket.socket() as again:
                again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                again.bind(("127.0.0.1", port))
        clickhouse.gate.set()
        assert asking.result()[0] == 200
        api.until(lambda: not any(map(is_running, pids)))


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"BIRDHOUSE_API_MAX_QUERIES": "many"}, "`BIRDHOUSE_API_MAX_QUERIES`: cannot be `many`"),
        ({"BIRDHOUSE_API_MAX_QUERIES": "1"}, "2 processes cannot share `BIRDHOUSE_API_MAX_QUERIES`, which is 1"),
        ({"BIRDHOUSE_SECRET": ""}, "`BIRDHOUSE_SECRET`: is needed and not set"),
        ({"PROJECT_DIR": "/nowhere"}, "the project folder is not there"),
    ],
    ids=["setting", "share", "secret", "project"],
)
def test_what_keeps_all_from_starting_is_told_once(
    environment: dict[str, str], said: str, tmp_path: Path, clickhouse: FakeClickHouse
) -> None:
    with running(tmp_path, clickhouse, environment) as api:
        assert api.process.wait(60) == 2
        text = api.log.read_text()
    assert text.count(said) == 1
    assert "Traceback" not in text


def test_a_port_that_is_taken_is_told(tmp_path: Path, clickhouse: FakeClickHouse) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with running(tmp_path, clickhouse, {"BIRDHOUSE_API_PORT": str(taken.getsockname()[1])}) as api:
            assert api.process.wait(60) == 2
            assert "address already in use\nhint: `BIRDHOUSE_API_PORT`" in api.log.read_text()


def test_it_stops_while_processes_start(tmp_path: Path, clickhouse: FakeClickHouse) -> None:
    with running(tmp_path, clickhouse) as api:
        api.until(lambda: api.lines("listening"))
        began = time.monotonic()
        assert api.end() == 0
        assert time.monotonic() - began < 10
        assert not api.lines("answers")


def ending_at_once(folder: Path) -> Path:
    """What has every process but the parent end as soon as it is started."""
    odd = folder / "odd"
    odd.mkdir()
    (odd / "sitecustomize.py").write_text(
        "import os, sys\nif 'query_api.processes.serving' in sys.orig_argv:\n    os._exit(7)\n"
    )
    return odd


def test_processes_that_do_not_stay_are_given_up(tmp_path: Path, clickhouse: FakeClickHouse) -> None:
    with running(tmp_path, clickhouse, {"PYTHONPATH": str(ending_at_once(tmp_path))}) as api:
        api.listens()
        assert api.process.wait(60) == 1
        assert "every process ended 5 times in a row: exit code 7" in api.log.read_text()
        assert {line["how"] for line in api.lines("is started again")} == {"exit code 7"}


def test_it_stops_while_it_waits_to_start_a_process_again(tmp_path: Path, clickhouse: FakeClickHouse) -> None:
    with running(tmp_path, clickhouse, {"PYTHONPATH": str(ending_at_once(tmp_path))}) as api:
        api.until(lambda: len(api.lines("is started again")) >= 6)
        assert api.end() == 0
        assert not api.lines("is killed")
