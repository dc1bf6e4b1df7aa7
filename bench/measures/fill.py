"""Fills new views from a full table, by a deploy beside a stream of events: how fast, and what readers see of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import table
from bench.errors import BenchError
from bench.figures import millis, percentile, spread_text, thousands
from bench.load.probes import Stream
from bench.load.probing import Busy, Probing
from bench.load.stored_rows import Provenance, StoredRows, merge
from bench.measures.cut_watch import CutWatch
from bench.progress import progress
from bench.record import Record
from bench.systems.command import DEPLOY, started_command
from bench.systems.project_files import write_project
from bench.systems.rollups import ROLLUPS, Rollup, counted, verify_rollup
from bench.systems.system import System, prepare, running_system
from bench.systems.workspace import PARTITIONS, Workspace
from schemas.own_names import OFFSET, PARTITION, TOPIC, quarantine_table

ROWS_EACH = 1_000
# The rows that are there come from a topic that nobody reads any more.
FORMER_TOPIC, FORMER_TOPIC_ID = "former_events", "AAAAAAAAAAAAAAAAAAAAAA"
# Freshness is measured for so long before the deploy, as what it is compared with.
BEFORE_SECONDS = 10.0
_ARRIVE_SECONDS = 60.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Options:
    rows: int = 10_000_000
    rate: int = 20_000
    views: int = 1
    rounds: int = 3
    seed: int = 1
    before_seconds: float = BEFORE_SECONDS


@dataclass(frozen=True, slots=True)
class Round:
    """What one deploy took and what was seen of it; seconds. `closed` are those of each time the door was closed."""

    rows: int
    fill: float
    deploy: float
    closed: tuple[float, ...]
    before: tuple[float, ...]
    during: tuple[float, ...]
    events: int

    @property
    def rate(self) -> float:
        """Rows a second that were filled."""
        return self.rows / self.fill


@dataclass
class FillBench:
    """Everything of one run; `say` takes a line for people."""

    space: Workspace
    options: Options
    record: Record
    say: Callable[[str], None]
    rounds: list[Round] = field(default_factory=list)

    def run(self) -> str:
        """Measure, and give the tables."""
        if self.space.servers.is_engine_embedded:
            raise BenchError("a fill is measured on a server: `birdhouse run` deploys in the process that it measures")
        for number in range(1, self.options.rounds + 1):
            measured = self._round(number)
            self.rounds.append(measured)
            self.say(f"  round {number}: {measured.rate:,.0f} rows/s, the deploy took {measured.deploy:.1f} s")
        return self.render()

    def _round(self, number: int) -> Round:
        space, options = self.space, self.options
        topic, database = space.create_topic(f"fill_{number}"), space.database(f"fill_{number}")
        rollups = ROLLUPS[: options.views]
        before = write_project(space.folder / "before", {"events": topic})
        after = write_project(space.folder / "after", {"events": topic}, rollups=rollups)
        stored = StoredRows(options.rows, min(ROWS_EACH, options.rows), options.seed)
        insert = stored.insert(database, provenance=Provenance(FORMER_TOPIC, FORMER_TOPIC_ID, PARTITIONS))
        with progress(self.say, f"{options.rows:,} rows stored and merged"):
            prepare(space, before, database, [insert, merge(database)])
        with running_system(space, before, database) as system:
            rows = int(system.ask("SELECT count() FROM events")[0][0])
            measured = self._measure(number, system, topic, after, rows)
            verify(system.ask, rollups, rows + measured.events)
            system.check_alive()
        space.drop_database(database)
        self.record.add(
            round=number,
            rows=measured.rows,
            fill_seconds=measured.fill,
            deploy_seconds=measured.deploy,
            closed_seconds=measured.closed,
            freshness_before=measured.before,
            freshness_during=measured.during,
            events=measured.events,
        )
        return measured

    def _measure(self, number: int, system: System, topic: str, project: Path, rows: int) -> Round:
        space, options = self.space, self.options
        config = space.servers.kafka_config()
        stream = Stream(config, topic, options.rate, options.seed)
        with (
            Probing(config, topic, system.api_url, system.token, options.seed) as probing,
            closing(space.servers.client()) as client,
            CutWatch(client, system.database, "events") as watch,
        ):
            stream.start()
            try:
                probing.during(lambda: None)  # the first events create the month's first parts
                before = probing.during(lambda: time.sleep(options.before_seconds))
                during = self._deploy(probing, project, system.database)
            finally:
                reached = stream.stop()
        if reached < 0.95 * options.rate:
            self.record.notes.append(f"round {number}: the stream reached {reached:,.0f} of {options.rate:,} events/s")
        seen, events = watch.seen, stream.written + probing.sent
        closed = tuple(seen.closed)
        return Round(
            rows * options.views, seen.fill_seconds, during.took, closed, before.seconds, during.seconds, events
        )

    def _deploy(self, probing: Probing, project: Path, database: str) -> Busy:
        environment = {
            **self.space.servers.environment,
            "CLICKHOUSE_DATABASE": database,
            "PROJECT_DIR": str(project),
        }
        with started_command("birdhouse deploy", DEPLOY, environment, self.space.folder / "deploy.log") as command:
            return probing.during(command.wait_for_end)

    def render(self) -> str:
        """The tables: the fills over all rounds, and freshness over all probes."""
        fills = [
            (
                f"{self.options.views} of {self.rounds[0].rows // self.options.views:,} rows",
                spread_text([each.rate for each in self.rounds], thousands),
                spread_text([each.fill for each in self.rounds], _seconds),
                spread_text([each.deploy for each in self.rounds], _seconds),
                spread_text([max(each.closed, default=0.0) for each in self.rounds], millis),
                str(max(len(each.closed) for each in self.rounds)),
                "0",
                "0",
            )
        ]
        head = (
            "views",
            "rows/s",
            "fill, s",
            "deploy, s",
            "door closed, longest ms",
            "times",
            "events lost",
            "doubled",
        )
        sides = {
            f"{self.options.rate:,} events/s, before": [value for each in self.rounds for value in each.before],
            "… while the deploy runs": [value for each in self.rounds for value in each.during],
        }
        fresh = [
            (side, str(len(found)), *(millis(percentile(found, percent)) for percent in (50, 99, 100)))
            for side, found in sides.items()
        ]
        return (
            table.render(head, fills)
            + "\n\n"
            + table.render(("freshness", "probes", "p50 ms", "p99 ms", "max ms"), fresh)
        )


def _seconds(value: float) -> str:
    return f"{value:.2f}"


def verify(ask: Callable[[str], list[list[Any]]], rollups: Sequence[Rollup], events: int) -> None:
    """Wait until so many events are stored and counted. Raises `BenchError` unless each is there once: in the table by
    its topic, partition and offset, and in every rollup."""
    give_up = time.monotonic() + _ARRIVE_SECONDS
    while not _is_there(ask, rollups, events) and time.monotonic() < give_up:
        time.sleep(_LOOK_SECONDS)
    rows, different = ask(f"SELECT count(), uniqExact({TOPIC}, {PARTITION}, {OFFSET}) FROM events")[0]
    quarantined = ask(f"SELECT count() FROM {quarantine_table('events')}")[0][0]
    if (rows, different, quarantined) != (events, events, 0):
        raise BenchError(
            f"of {events} events {events - different} are lost, {rows - different} doubled and {quarantined} in"
            " quarantine"
        )
    for rollup in rollups:
        verify_rollup(ask, rollup, events)


def _is_there(ask: Callable[[str], list[list[Any]]], rollups: Sequence[Rollup], events: int) -> bool:
    """Rollups are written behind the table, in the same inserts."""
    rows = ask("SELECT count() FROM events")[0][0]
    return rows == events and all(counted(ask, rollup) == events for rollup in rollups)
