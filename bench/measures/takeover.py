"""What a takeover of all partitions costs on a large table: the fence, waiting for former inserts, the scan."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise

from clickhouse_connect.driver.client import Client

from bench import table
from bench.errors import BenchError
from bench.figures import millis, spread_text
from bench.load.stored_rows import Provenance, StoredRows, merge
from bench.progress import progress
from bench.record import Record
from bench.systems.project_files import write_project
from bench.systems.system import prepare
from bench.systems.workspace import PARTITIONS, Workspace
from ingest_worker.storing.fence.former_inserts import await_former_inserts
from ingest_worker.storing.fence.ownership import Claim, former_owners, new_owner, take_ownership
from ingest_worker.storing.fence.scan import OffsetTables, scan
from ingest_worker.storing.partitions import FeedPartition
from ingest_worker.storing.record import ResumePoint
from schemas.mapping.landing import fence_key
from schemas.own_names import quarantine_table

ROWS_EACH = 1_000
TOPIC, TOPIC_ID, GROUP = "events", "AAAAAAAAAAAAAAAAAAAAAA", "birdhouse"
# How far behind the last stored offset the group's record is: as a busy worker that was killed leaves it, far more
# than that, and with a group that was reset.
BEHIND = {"50,000 behind": 50_000, "1,000,000 behind": 1_000_000, "from the beginning": None}


@dataclass(frozen=True, slots=True)
class Options:
    rows: int = 100_000_000
    rounds: int = 5
    seed: int = 1


@dataclass
class TakeoverBench:
    """Everything of one run; `say` takes a line for people."""

    space: Workspace
    options: Options
    record: Record
    say: Callable[[str], None]
    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def run(self) -> str:
        """Measure, and give the table."""
        if self.space.servers.is_engine_embedded:
            raise BenchError("a takeover is measured on a server: the embedded engine has one process and one owner")
        database = self.space.database("takeover")
        project = write_project(self.space.folder / "project", {"events": TOPIC})
        rows = StoredRows(self.options.rows, ROWS_EACH, self.options.seed)
        insert = rows.insert(database, provenance=Provenance(TOPIC, TOPIC_ID, PARTITIONS))
        with progress(self.say, f"{self.options.rows:,} rows stored and merged"):
            prepare(self.space, project, database, [insert, merge(database)])
        with closing(self.space.servers.client()) as client:
            for _ in range(self.options.rounds):
                for name, behind in BEHIND.items():
                    self._round(client, database, name, behind)
        return self.render()

    def _round(self, client: Client, database: str, name: str, behind: int | None) -> None:
        end = self.options.rows // PARTITIONS
        position = 0 if behind is None else max(0, end - behind // PARTITIONS)
        feed_partitions: list[FeedPartition] = [FeedPartition("events", TOPIC, number) for number in range(PARTITIONS)]
        keys = tuple(fence_key("events", TOPIC_ID, number) for number in range(PARTITIONS))
        offset_tables = {"events": OffsetTables(("events", quarantine_table("events")))}
        moments = [time.monotonic()]
        former_owners(client, database, keys)
        fenced = take_ownership(client, database, Claim(keys, new_owner(GROUP)))
        moments.append(time.monotonic())
        quiet, _ = await_former_inserts(client, database, fenced, feed_partitions)
        moments.append(time.monotonic())
        starts = dict.fromkeys(feed_partitions, ResumePoint(position))
        found = scan(client, database, offset_tables, {TOPIC: TOPIC_ID}, quiet, starts)
        moments.append(time.monotonic())
        # The rows do not always divide into the partitions.
        if any(found[fed].count - (end - position) not in (0, 1) for fed in feed_partitions):
            raise BenchError("the scan did not find every offset")
        kept = self.seconds.setdefault(name, {})
        took = [after - before for before, after in pairwise(moments)]
        for step, seconds in zip(("fence", "await", "scan", "all"), [*took, sum(took)], strict=True):
            kept.setdefault(step, []).append(seconds)
        self.record.add(record=name, seconds=took)

    def render(self) -> str:
        """The table: milliseconds of each step for six partitions together."""
        head = ("the record is", *(f"{step}, ms" for step in ("fence", "await", "scan", "all")))
        rows = [
            (name, *(spread_text(values, millis) for values in by_step.values()))
            for name, by_step in self.seconds.items()
        ]
        return table.render(head, rows)
