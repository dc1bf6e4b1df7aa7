"""How fast a full topic gets into the table, and what that costs: us, the Kafka engine, the usual Python consumer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError

from bench import plots, table
from bench.errors import BenchError
from bench.figures import mebibytes, micros, ratio, spread_text, thousands, times
from bench.load.data import Traffic, broken_messages
from bench.load.produce import fill_topic
from bench.measures.drain import Drain
from bench.measures.sides import drain_kafka_engine, drain_ours, drain_python_consumer
from bench.progress import progress
from bench.record import Record
from bench.rivals.kafka_engine import VARIANTS, Variant, is_there
from bench.systems.rollups import ROLLUPS
from bench.systems.workspace import PARTITIONS, Workspace

OURS, ENGINE, CONSUMER = "Birdhouse", "Kafka table engine", "Python consumer"
NO_SERVER = "no ClickHouse server: the embedded engine answers nobody but its own process"
NONE_WORKS = "none of its variants works here; the notes say why"
NO_ENGINE = "this build of ClickHouse has no Kafka table engine"


@dataclass(frozen=True, slots=True)
class Options:
    events: int = 3_000_000
    rounds: int = 3
    seed: int = 1
    broken: float | None = None
    data_sources: int = 1
    has_projection: bool = False
    has_rollups: bool = False
    has_rivals: bool = True
    has_warm_up: bool = True
    variants: tuple[Variant, ...] = VARIANTS
    # `bootstrap.servers` as ClickHouse reaches it; None: as we do.
    engine_brokers: str | None = None


@dataclass
class IngestBench:
    """Everything of one run; `say` takes a line for people."""

    space: Workspace
    options: Options
    record: Record
    say: Callable[[str], None]
    drains: dict[str, list[Drain]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def run(self) -> str:
        """Measure, and give the table."""
        options = self.options
        topic = self._fill("events", Traffic(options.events, options.seed))
        sides = dict(self._sides(topic))
        if options.has_warm_up:
            for name, drain in sides.items():
                self._drain(name, "warm-up", drain)
        for number in range(1, options.rounds + 1):
            for name, drain in sides.items():
                self._keep(name, self._drain(name, number, drain))
        if options.broken is not None:
            self._run_broken(options.broken)
        if options.data_sources > 1:
            self._run_data_sources(options.data_sources)
        return self.render()

    def _sides(self, topic: str) -> Iterator[tuple[str, Callable[[], Drain]]]:
        space, events = self.space, self.options.events
        yield OURS, lambda: drain_ours(space, {"events": topic}, events)
        if self.options.has_projection:
            yield f"{OURS}, projection", lambda: drain_ours(space, {"events": topic}, events, has_projection=True)
        if self.options.has_rollups:
            yield f"{OURS}, three rollups", lambda: drain_ours(space, {"events": topic}, events, rollups=ROLLUPS)
        if not self.options.has_rivals:
            return
        if space.servers.is_engine_embedded:
            self.skipped |= {ENGINE: NO_SERVER, CONSUMER: NO_SERVER}
            return
        with closing(space.servers.client()) as client:
            has_engine = is_there(client)
        best = self._best_variant(topic) if has_engine else None
        if best is not None:
            yield f"{ENGINE} ({best.name})", partial(self._drain_engine, topic, best)
        else:
            self.skipped[ENGINE] = NONE_WORKS if has_engine else NO_ENGINE
        yield CONSUMER, lambda: drain_python_consumer(space, topic, events)

    def _drain_engine(self, topic: str, variant: Variant) -> Drain:
        brokers = self.options.engine_brokers or self.space.servers.bootstrap_servers
        return drain_kafka_engine(self.space, topic, self.options.events, variant, brokers)

    def _best_variant(self, topic: str) -> Variant | None:
        """The fastest of the rival's variants, each tried once; None when none of them works."""
        tried: dict[str, float] = {}
        for variant in self.options.variants:
            name = f"{ENGINE} ({variant.name})"
            try:
                drain = self._drain(name, "choice", partial(self._drain_engine, topic, variant))
            except (BenchError, ClickHouseError) as error:
                # Another machine or another version may refuse one of them; the others still compete.
                self.record.notes.append(f"{name}: {str(error).splitlines()[0]}")
                continue
            tried[variant.name] = drain.rate
        able = [variant for variant in self.options.variants if variant.name in tried]
        return max(able, key=lambda variant: tried[variant.name], default=None)

    def _run_broken(self, share: float) -> None:
        traffic = Traffic(self.options.events, self.options.seed, broken=share)
        topic = self._fill("broken", traffic)
        broken = broken_messages(traffic)
        name = f"{OURS}, {share:.0%} broken"
        for number in range(1, self.options.rounds + 1):
            drain = self._drain(name, number, lambda: drain_ours(self.space, {"events": topic}, traffic.total, broken))
            self._keep(name, drain)

    def _run_data_sources(self, count: int) -> None:
        each = self.options.events // count
        topics = {
            f"events_{number}": self._fill(f"source_{number}", Traffic(each, self.options.seed + number))
            for number in range(1, count + 1)
        }
        name = f"{OURS}, {count} data sources"
        for number in range(1, self.options.rounds + 1):
            self._keep(name, self._drain(name, number, lambda: drain_ours(self.space, topics, each * count)))

    def _fill(self, role: str, traffic: Traffic) -> str:
        topic = self.space.create_topic(role)
        with progress(self.say, f"{traffic.total:,} events written to the topic `{role}`"):
            fill_topic(self.space.servers.kafka_config(), topic, traffic, PARTITIONS)
        return topic

    def _drain(self, side: str, number: int | str, drain: Callable[[], Drain]) -> Drain:
        measured = drain()
        self.record.add(side=side, round=number, **measured.as_dict())
        self.say(f"  {side}, {number}: {measured.rate:,.0f} events/s")
        return measured

    def _keep(self, side: str, drain: Drain) -> None:
        self.drains.setdefault(side, []).append(drain)

    def render(self) -> str:
        """The table; CPU is in µs an event, memory the largest resident size in MiB."""
        head = (
            "drain",
            "events/s",
            "× ours",
            "first rows, s",
            "client CPU",
            "ClickHouse CPU",
            "Kafka CPU",
            "client MiB",
        )
        rows = [self._row(side, drains) for side, drains in self.drains.items()]
        rows += [(side, f"skipped: {reason}", *["–"] * 6) for side, reason in self.skipped.items()]
        return table.render(head, rows)

    def _row(self, side: str, drains: Sequence[Drain]) -> tuple[str, ...]:
        rates = [drain.rate for drain in drains]
        ours = sorted(drain.rate for drain in self.drains[OURS])
        of_ours = ratio(sorted(rates)[len(rates) // 2], ours[len(ours) // 2])
        cpu = [[drain.cpu_micros.get(name) for drain in drains] for name in ("worker", "ClickHouse", "Kafka")]
        return (
            side,
            spread_text(rates, thousands),
            "–" if of_ours is None else times(of_ours),
            spread_text([drain.first_rows_seconds for drain in drains], lambda seconds: f"{seconds:.1f}"),
            *(spread_text(values, micros) for values in cpu),
            spread_text([drain.peak_memory.get("worker") for drain in drains], mebibytes),
        )

    def plot(self, path: Path) -> None:
        """The time line of the last drain of each side."""
        lines: dict[str, Any] = {name: [(0.0, 0.0), *drains[-1].timeline] for name, drains in self.drains.items()}
        plots.plot_lines(
            path, lines, title="A full topic into the table", x_label="seconds", y_label="rows that can be asked for"
        )
