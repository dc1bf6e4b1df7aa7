"""`birdhouse run` as a process of its own: what somebody sees in the first minutes, and how it ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.running.runs import (
    START_SECONDS,
    STOP_SECONDS,
    Running,
    birdhouse,
    needs_embedded,
    paste,
    post,
    post_events,
    running,
)

pytestmark = needs_embedded

COUNT_EVENTS = """
import sys
from pathlib import Path
from deploy.embedded.engine import EmbeddedEngine
with EmbeddedEngine(Path(sys.argv[1])) as engine:
    client = engine.client()
    print(client.command("SELECT count() FROM birdhouse.events"))
    client.close()
"""


def assert_errors_of_an_array(run: Running) -> None:
    """Each bad member is named with its number, the column and the quarantine's words; good members are stored."""
    event = json.loads(run.calls()[0].split("-d '", 1)[1].split("' \\\n", 1)[0])
    late = event | {"event_id": "ev_late", "timestamp": "never"}
    without = {name: value for name, value in late.items() if name not in ("timestamp", "user_id")}
    body = json.dumps([event | {"event_id": "ev_2"}, late, 5, without, event | {"event_id": "ev_3"}], indent=1).encode()
    counted = post(run, body, wait=True)
    assert (counted["successful_rows"], counted["quarantined_rows"]) == (2, 3)
    wrong, number, missing = counted["errors"]
    assert (wrong["document"], wrong["column"], number["document"], number["column"]) == (2, "timestamp", 3, "__value")
    assert "is not" in wrong["reason"]
    assert '"never"' in wrong["reason"]
    assert "other_columns" not in wrong
    assert "not an object" in number["reason"]
    assert missing["document"] == 4
    assert {missing["column"], *missing["other_columns"]} == {"timestamp", "user_id"}
    assert "does not have column" in missing["reason"]


def stored_events(data: Path) -> int:
    result = subprocess.run(
        [sys.executable, "-c", COUNT_EVENTS, str(data)], capture_output=True, text=True, timeout=60, check=True
    )
    return int(result.stdout)


def test_the_printed_calls_answer_and_a_second_start_still_has_the_events(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, tmp_path / "first") as run:
        run.wait_for("is ready")
        send, get_events, event_stats = run.calls()
        started = time.monotonic()
        assert paste(send) == {"successful_rows": 1, "quarantined_rows": 0}
        assert [row["event_id"] for row in paste(get_events)["data"]] == ["ev_1"]
        assert time.monotonic() - started < 2
        assert [row["event_count"] for row in paste(event_stats)["data"]] == [1]
        counted = post(run, b"{}\n" * 60, wait=True)
        assert (counted["successful_rows"], counted["quarantined_rows"]) == (0, 60)
        assert [error["document"] for error in counted["errors"]] == list(range(1, 11))
        assert_errors_of_an_array(run)
        assert run.token not in run.output + run.errors
        assert run.stop() == 0
    with running(data, tmp_path / "second") as run:
        run.wait_for("is ready")
        send, get_events, event_stats = run.calls()
        assert "ev_1" in [row["event_id"] for row in paste(get_events)["data"]]
        # The broker is a new one, with the same offsets: what the first start quarantined must not be counted again.
        assert paste(send) == {"successful_rows": 1, "quarantined_rows": 0}
        assert [row["event_count"] for row in paste(event_stats)["data"]] == [4]
        assert run.stop(signal.SIGTERM) == 0


def test_what_an_earlier_start_quarantined_is_not_counted_again(tmp_path: Path) -> None:
    """Each start has a new topic with the same offsets: what lies in quarantine under them is the former one's."""
    bad = b'{"not":"an event"}\n'
    with running(tmp_path / "data", tmp_path / "first") as run:
        run.wait_for("is ready")
        assert post(run, bad * 12, wait=True)["quarantined_rows"] == 12
        assert run.stop() == 0
    with running(tmp_path / "data", tmp_path / "second") as run:
        run.wait_for("is ready")
        assert post(run, bad, wait=True)["quarantined_rows"] == 1
        send, get_events, _ = run.calls()
        assert paste(send) == {"successful_rows": 1, "quarantined_rows": 0}
        assert [row["event_id"] for row in paste(get_events)["data"]] == ["ev_1"]
        assert counted(run, "rows_quarantined") == 1
        assert counted(run, "rows_inserted") == 1
        assert counted(run, "unexpected_failures") == 0
        assert run.stop() == 0


def counted(run: Running, name: str) -> float:
    """The sum of the worker's counter over its labels."""
    match = re.search(r"(http://\S+)/status \(worker\)", run.output)
    assert match is not None
    with urllib.request.urlopen(f"{match[1]}/metrics", timeout=30) as response:
        text = response.read().decode()
    return sum(map(float, re.findall(rf"^birdhouse_ingest_{name}_total(?:{{.*}})? (\S+)$", text, re.MULTILINE)))


def test_what_was_accepted_is_stored_before_it_ends(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, tmp_path / "run") as run:
        run.wait_for("is ready")
        post_events(run, 20_000)
        assert run.stop() == 0, run.errors
    assert stored_events(data) == 20_000


def test_one_process_owns_the_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, tmp_path / "run") as run:
        run.wait_for("is ready")
        refused = birdhouse(data, "run")
        assert refused.returncode == 1
        assert f"`{data}` is in use by process {run.process.pid}" in refused.stderr
        assert "hint: " in refused.stderr
        token = birdhouse(data, "tokens", "admin")
        assert token.stdout.strip() == run.token
        assert run.stop() == 0


def test_after_a_kill_the_next_start_works(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        broker_port = str(probe.getsockname()[1])
    with running(data, tmp_path / "first", BIRDHOUSE_RUN_BROKER_PORT=broker_port) as run:
        run.wait_for("is ready")
        paste(run.calls()[0])
        run.stop(signal.SIGKILL)
    with running(data, tmp_path / "second", BIRDHOUSE_RUN_BROKER_PORT=broker_port) as run:
        run.wait_for("is ready")
        assert paste(run.calls()[1])["rows"] == 1
        assert run.stop() == 0


def test_what_was_answered_with_wait_survives_a_kill_once(tmp_path: Path) -> None:
    answered: list[str] = []

    def send(run: Running) -> None:
        event = json.loads(run.calls()[0].split("-d '", 1)[1].split("' \\\n", 1)[0])
        with suppress(OSError, http.client.HTTPException):
            while True:
                name = f"ev_{len(answered)}"
                post(run, json.dumps(event | {"event_id": name}).encode(), wait=True)
                answered.append(name)

    with running(tmp_path / "data", tmp_path / "first") as run:
        run.wait_for("is ready")
        sender = threading.Thread(target=send, args=(run,))
        sender.start()
        give_up = time.monotonic() + START_SECONDS
        while len(answered) < 5:
            assert time.monotonic() < give_up
            time.sleep(0.02)
        run.stop(signal.SIGKILL)
        sender.join()
    with running(tmp_path / "data", tmp_path / "second") as run:
        run.wait_for("is ready")
        query = urllib.parse.urlencode({"q": "SELECT event_id FROM events ORDER BY event_id FORMAT JSON"})
        request = urllib.request.Request(f"{run.url}/v0/sql?{query}", headers={"Authorization": f"Bearer {run.token}"})
        with urllib.request.urlopen(request, timeout=30) as response:
            stored = [row["event_id"] for row in json.load(response)["data"]]
    assert len(stored) == len(set(stored))
    assert set(answered) <= set(stored)


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with running(tmp_path / "data", tmp_path / "run") as run:
        run.wait_for("is ready")
        run.process.send_signal(signal.SIGINT)
        run.wait_for("stopping once")
        assert run.stop() == 128 + signal.SIGINT


def test_a_broker_that_ends_is_said_and_ends_the_rest(tmp_path: Path) -> None:
    with running(tmp_path / "data", tmp_path / "run") as run:
        run.wait_for("is ready")
        children = subprocess.run(
            ["pgrep", "-P", str(run.process.pid)], capture_output=True, text=True, timeout=10, check=True
        )
        os.kill(int(children.stdout), signal.SIGKILL)
        assert run.process.wait(2 * STOP_SECONDS) == 1
        assert "error: the embedded broker ended" in run.errors
        match = re.search(r"Kafka +127\.0\.0\.1:(\d+)", run.output)
        assert match is not None
        with socket.create_server(("127.0.0.1", int(match[1]))):
            pass  # nobody is left on its port


@pytest.mark.parametrize(
    "setting",
    ["BIRDHOUSE_API_PORT", "BIRDHOUSE_API_ADMIN_PORT", "BIRDHOUSE_INGEST_ADMIN_PORT", "BIRDHOUSE_RUN_BROKER_PORT"],
)
def test_a_busy_port_is_named_with_its_setting(tmp_path: Path, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        result = birdhouse(tmp_path / "data", "run", **{setting: str(port)})
    assert result.returncode == 1
    assert f"error: port `{port}` on 127.0.0.1 is in use" in result.stderr
    assert f"set {setting}" in result.stderr
    assert result.stdout == ""
