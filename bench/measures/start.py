"""How long the query API takes to start with many pipes: from the process's start to its first answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import table
from bench.figures import mebibytes, millis, percentile, spread_text, thousands
from bench.record import Record
from bench.systems.command import API, started_command
from bench.systems.project_files import write_project
from bench.systems.server_command import free_port
from bench.systems.workspace import Workspace
from schemas.project import EXAMPLE_PROJECT, load_project
from schemas.queries.catalog import compile_project

SECRET = "a secret for a bench"  # noqa: S105 - nothing is asked of anybody with it


@dataclass(frozen=True, slots=True)
class Options:
    pipes: int = 500
    rounds: int = 3
    seed: int = 1


@dataclass
class StartBench:
    """Everything of one run. The servers are only addresses here: the API listens before they answer."""

    space: Workspace
    options: Options
    record: Record
    say: Callable[[str], None]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float | None]] = field(default_factory=dict)
    memory: dict[str, list[float | None]] = field(default_factory=dict)
    first_renders: list[float] = field(default_factory=list)

    def run(self) -> str:
        """Measure, and give the table."""
        generated = generated_pipes(self.options.pipes - 3)
        projects = {
            "the example's 3 pipes": write_project(self.space.folder / "few", {"events": "events"}),
            f"{len(generated) + 3} pipes": write_project(
                self.space.folder / "many", {"events": "events"}, pipes=generated
            ),
        }
        for number in range(self.options.rounds + 1):
            for name, project in projects.items():
                self._start(name, str(project), number)
        self.first_renders = first_renders(list(projects.values())[-1])
        self.record.add(side="first renders", seconds=self.first_renders)
        return self.render()

    def _start(self, name: str, project: str, number: int) -> None:
        admin_port = free_port()
        environment = {
            # Nobody listens there: compiling the project is what is timed.
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "CLICKHOUSE_URL": "http://127.0.0.1:1",
            "PROJECT_DIR": project,
            "BIRDHOUSE_SECRET": SECRET,
            "BIRDHOUSE_API_PORT": str(free_port()),
            "BIRDHOUSE_API_ADMIN_PORT": str(admin_port),
            **self._bytecode,
        }
        began = time.monotonic()
        with started_command("query-api", API, environment, self.space.folder / "start.log") as command:
            seconds = command.wait_for(f"http://127.0.0.1:{admin_port}/livez") - began
            cpu, memory = command.cpu_seconds, command.peak_memory
        self.record.add(side=name, round=number or "warm-up", seconds=seconds, cpu_seconds=cpu, peak_memory=memory)
        if number == 0:  # files and bytecode come from the disk
            return
        self.seconds.setdefault(name, []).append(seconds)
        self.cpu.setdefault(name, []).append(cpu)
        self.memory.setdefault(name, []).append(memory)
        self.say(f"  {name}, {number}: {seconds:.2f} s")

    @property
    def _bytecode(self) -> dict[str, str]:
        """An installed package has its bytecode, and so has ours here, whatever this process was told about it."""
        return {"PYTHONPYCACHEPREFIX": str(self.space.folder / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}

    def render(self) -> str:
        head = ("project", "ms until it listens", "CPU ms", "MiB")
        rows = [
            (
                name,
                spread_text([each * 1000 for each in seconds], thousands),
                spread_text([None if each is None else each * 1000 for each in self.cpu[name]], thousands),
                spread_text(self.memory[name], mebibytes),
            )
            for name, seconds in self.seconds.items()
        ]
        more = [f"{millis(percentile(self.first_renders, percent))} ms" for percent in (50, 100)]
        first = f"the first request of a pipe makes its template's code: {more[0]} of CPU more, {more[1]} at most"
        return f"{table.render(head, rows)}\n\n{first}"


def first_renders(project: Path) -> list[float]:
    """Seconds of CPU that the first render of each endpoint takes more than the one after it."""
    endpoints = compile_project(load_project(project, environment={})).endpoints.values()
    found = []
    for endpoint in endpoints:
        moments = [time.thread_time()]
        for _ in range(2):
            endpoint.render({"user_id": "user_1"})
            moments.append(time.thread_time())
        found.append((moments[1] - moments[0]) - (moments[2] - moments[1]))
    return found


def generated_pipes(count: int) -> dict[str, str]:
    """So many pipes by name: the example's in turn, each with a node of its own in front of it."""
    examples = sorted((EXAMPLE_PROJECT / "pipes").glob("*.pipe"))
    texts = [path.read_text(encoding="utf-8").replace("FROM events\n", "FROM recent\n") for path in examples]
    return {
        f"generated_{number}": texts[number % len(texts)].replace("NODE ", f"{_recent(number)}NODE ", 1)
        for number in range(count)
    }


def _recent(number: int) -> str:
    return f"NODE recent\nSQL >\n    SELECT * FROM events WHERE timestamp > now() - {number + 1}\n\n"
