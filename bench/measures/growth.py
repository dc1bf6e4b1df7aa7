"""What happens to a question about one user when the table grows and the user does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import plots, table
from bench.errors import BenchError
from bench.figures import Spread, millis, ratio, spread_text, thousands, times
from bench.load.caller import Asked, Caller
from bench.load.stored_rows import StoredRows, merge
from bench.progress import progress
from bench.record import Record
from bench.systems.project_files import write_project
from bench.systems.system import prepare, running_system
from bench.systems.workspace import Workspace

PIPES = ("get_events", "user_activity")
# Rows of every user, at each size.
ROWS_EACH = 1_000
FIRST_ROWS = 1_000_000
# Each round asks for so many users, a different one each time.
USERS = 10


@dataclass(frozen=True, slots=True)
class Options:
    max_rows: int = 100_000_000
    first_rows: int = FIRST_ROWS
    rounds: int = 3
    seed: int = 1

    @property
    def sizes(self) -> list[int]:
        """Ten times as many rows each time, up to `max_rows`."""
        found = [self.first_rows]
        while found[-1] * 10 <= self.max_rows:
            found.append(found[-1] * 10)
        return found


@dataclass
class GrowthBench:
    """Everything of one run; `say` takes a line for people."""

    space: Workspace
    options: Options
    record: Record
    say: Callable[[str], None]
    asked: dict[tuple[str, int], Asked] = field(default_factory=dict)

    def run(self) -> str:
        """Measure, and give the table."""
        space, options = self.space, self.options
        topic = space.create_topic("events")
        project = write_project(space.folder / "project", {"events": topic})
        database = space.database("growth")
        stored = 0
        for size in options.sizes:
            more = StoredRows(size - stored, ROWS_EACH, options.seed, first_user=stored // ROWS_EACH)
            with progress(self.say, f"{size:,} rows stored and merged"):
                prepare(space, project, database, [more.insert(database), merge(database)])
            stored = size
            self._measure(project, database, size)
        return self.render()

    def _measure(self, project: Path, database: str, size: int) -> None:
        users = size // ROWS_EACH
        with running_system(self.space, project, database, has_worker=False) as system:
            rows = int(system.ask("SELECT count() FROM events")[0][0])
            if rows != size:
                raise BenchError(f"the table holds {rows} rows instead of {size}")
            with Caller(system.api_url, system.token) as caller:
                for pipe in PIPES:
                    caller.ask(pipe, {"user_id": "user_0"})  # the first question of a new process waits for more
                for number in range(self.options.rounds):
                    for pipe in PIPES:
                        self._round(caller, pipe, size, users, number)

    def _round(self, caller: Caller, pipe: str, size: int, users: int, number: int) -> None:
        asked = Asked()
        for place in range(USERS):
            user = (number * USERS + place) * 7919 % users
            answer = caller.ask(pipe, {"user_id": f"user_{user}"})
            asked.add(answer)
            if answer.body and not answer.body["data"]:
                raise BenchError(f"`{pipe}` knows nothing of user {user}")
        kept = self.asked.setdefault((pipe, size), Asked())
        kept += asked
        self.record.add(pipe=pipe, rows=size, round=number + 1, seconds=asked.seconds, rows_read=asked.rows_read)

    def render(self) -> str:
        """The table: times over all rounds."""
        head = ("endpoint", "rows stored", "ms", "× first size", "rows read", "over the time limit")
        rows = []
        for (pipe, size), asked in self.asked.items():
            first = self.asked[pipe, self.options.first_rows]
            growth = ratio(Spread.of(asked.seconds).median, Spread.of(first.seconds).median)
            rows.append(
                (
                    pipe,
                    f"{size:,}",
                    spread_text(asked.seconds, millis),
                    "–" if growth is None else times(growth),
                    thousands(Spread.of(asked.rows_read).median) if asked.rows_read else "–",
                    str(asked.too_late),
                )
            )
        return table.render(head, rows)

    def plot(self, path: Path) -> None:
        """Median times over the number of rows."""
        lines = {
            pipe: [
                (float(size), Spread.of(asked.seconds).median * 1000)
                for (name, size), asked in self.asked.items()
                if name == pipe
            ]
            for pipe in PIPES
        }
        plots.plot_lines(
            path,
            lines,
            title=f"A question about one user with {ROWS_EACH:,} rows",
            x_label="rows in the table",
            y_label="median ms",
            is_logarithmic=True,
        )
