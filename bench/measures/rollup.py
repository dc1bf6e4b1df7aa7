"""Statistics of all events, asked of the events and of a rollup of them, while the history grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import table
from bench.errors import BenchError
from bench.figures import millis, percentile, ratio, thousands, times
from bench.load.caller import Asked, Caller
from bench.load.data import FIRST_MOMENT
from bench.load.stored_rows import StoredRows, merge
from bench.progress import progress
from bench.record import Record
from bench.systems.project_files import OF_EVENTS, write_rollup_project
from bench.systems.system import prepare, running_system
from bench.systems.workspace import Workspace

# Rows of every user, at each size.
ROWS_EACH = 1_000
FROM_EVENTS, FROM_ROLLUP, OF_A_DAY = "from the events", "from the rollup", "from the rollup, one day"
_DAY = {
    "since": f"{FIRST_MOMENT + timedelta(days=30):%Y-%m-%d %H:%M:%S}",
    "until": f"{FIRST_MOMENT + timedelta(days=31):%Y-%m-%d %H:%M:%S}",
}


@dataclass(frozen=True, slots=True)
class Question:
    """An endpoint with its parameters, and how often each round asks it."""

    pipe: str
    values: Mapping[str, str]
    times: int


# Reading every event takes seconds: what is read once tells as much.
QUESTIONS = {
    FROM_EVENTS: Question(OF_EVENTS, {}, 3),
    FROM_ROLLUP: Question("event_stats", {}, 30),
    OF_A_DAY: Question("event_stats", _DAY, 30),
}


@dataclass(frozen=True, slots=True)
class Options:
    rows: tuple[int, ...] = (1_000_000, 100_000_000)
    rounds: int = 3
    seed: int = 1

    @property
    def sizes(self) -> list[int]:
        """From small to large. Raises `BenchError` for one that the rows of users do not add up to."""
        uneven = [size for size in self.rows if size % ROWS_EACH]
        if uneven:
            raise BenchError(f"{uneven[0]} rows are no multiple of {ROWS_EACH}, which every user has")
        return sorted(set(self.rows))


@dataclass
class RollupBench:
    """Everything of one run; `say` takes a line for people."""

    space: Workspace
    options: Options
    record: Record
    say: Callable[[str], None]
    asked: dict[tuple[str, int], Asked] = field(default_factory=dict)

    def run(self) -> str:
        """Measure, and give the table."""
        sizes = self.options.sizes
        project = write_rollup_project(self.space.folder / "project")
        database = self.space.database("rollup")
        stored = 0
        for size in sizes:
            more = StoredRows(size - stored, ROWS_EACH, self.options.seed, first_user=stored // ROWS_EACH)
            merges = [merge(database, name) for name in ("events", "events_hourly", "events_ever")]
            with progress(self.say, f"{size:,} rows stored, rolled up and merged"):
                prepare(self.space, project, database, [more.insert(database), *merges])
            stored = size
            self._measure(project, database, size)
        return self.render()

    def _measure(self, project: Path, database: str, size: int) -> None:
        with running_system(self.space, project, database, has_worker=False) as system:
            verify(system.ask, size)
            with Caller(system.api_url, system.token) as caller:
                for question in (QUESTIONS[FROM_ROLLUP], QUESTIONS[OF_A_DAY]):
                    caller.ask(question.pipe, question.values)  # the first question of a new process waits for more
                for number in range(1, self.options.rounds + 1):
                    for name, question in QUESTIONS.items():
                        self._round(caller, name, question, size, number)
            system.check_alive()
        events, rollup = (self.asked[name, size].median for name in (FROM_EVENTS, FROM_ROLLUP))
        self.say(f"  {size:,} rows: {millis(events)} ms from the events, {millis(rollup)} ms from the rollup")

    def _round(self, caller: Caller, name: str, question: Question, size: int, number: int) -> None:
        asked = Asked()
        for _ in range(question.times):
            answer = caller.ask(question.pipe, question.values)
            if answer.body and not answer.body["data"]:
                raise BenchError(f"`{question.pipe}` has no answer {name}")
            asked.add(answer)
        kept = self.asked.setdefault((name, size), Asked())
        kept += asked
        self.record.add(question=name, rows=size, round=number, seconds=asked.seconds, rows_read=asked.rows_read)

    def render(self) -> str:
        """The table: times over all rounds; each beside itself at the smallest size, and beside the events' own."""
        head = ("event_stats", "rows stored", "p50 ms", "p99 ms", "× first size", "× events", "rows read", "too late")
        first = self.options.sizes[0]
        rows = [
            (
                name,
                f"{size:,}",
                millis(asked.median),
                millis(percentile(asked.seconds, 99)),
                _times(asked, self.asked[name, first]),
                _times(asked, self.asked[FROM_EVENTS, size]),
                thousands(percentile(asked.rows_read, 50)) if asked.rows_read else "–",
                str(asked.too_late),
            )
            for (name, size), asked in sorted(self.asked.items(), key=_by_question)
        ]
        return table.render(head, rows)


def _by_question(entry: tuple[tuple[str, int], Asked]) -> tuple[int, int]:
    (name, size), _ = entry
    return list(QUESTIONS).index(name), size


def _times(asked: Asked, base: Asked) -> str:
    found = ratio(asked.median, base.median)
    return "–" if found is None else f"{found:.4f}×" if found < 0.01 else times(found)


def verify(ask: Callable[[str], list[list[Any]]], size: int) -> None:
    """Raises `BenchError` unless the table and both rollups hold so many events, type by type."""
    of_events = _counts(ask, "count()", "events")
    if sum(of_events.values()) != size:
        raise BenchError(f"the table holds {sum(of_events.values())} rows instead of {size}")
    for name in ("events_hourly", "events_ever"):
        if _counts(ask, "sum(event_count)", name) != of_events:
            raise BenchError(f"the rollup `{name}` does not count what `events` holds")


def _counts(ask: Callable[[str], list[list[Any]]], count: str, name: str) -> dict[str, int]:
    rows = ask(f"SELECT event_type, {count} FROM {name} GROUP BY event_type")
    return {str(event_type): int(number) for event_type, number in rows}
