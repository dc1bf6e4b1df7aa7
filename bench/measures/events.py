"""How many requests and events the Events API takes when each answer means that the broker has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer, TopicPartition

from bench import table
from bench.errors import BenchError
from bench.figures import millis, spread_text, thousands
from bench.load.data import Traffic
from bench.load.generator import Load, run_load
from bench.load.produce import fill_topic
from bench.load.requests import address_of, events_request
from bench.record import Record
from bench.systems.accounting import Accounts
from bench.systems.project_files import write_project
from bench.systems.system import System, prepare, running_system
from bench.systems.workspace import PARTITIONS, Workspace

CONNECTIONS = 64
# Documents of a request: one, as a browser sends it, and as many as a server batches.
SIZES = (1, 1_000)
# Different bodies of each size, sent in turn.
BODIES = {1: 500, 1_000: 8}
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    rounds: int = 3
    seconds: float = 5.0
    seed: int = 1


@dataclass
class EventsBench:
    """Everything of one run; `say` takes a line for people. The worker does not run: nothing else uses the cores."""

    space: Workspace
    options: Options
    record: Record
    say: Callable[[str], None]
    loads: dict[int, list[Load]] = field(default_factory=dict)
    cpu: dict[int, list[dict[str, float]]] = field(default_factory=dict)
    _more: int = 0

    def run(self) -> str:
        """Measure, and give the table."""
        space = self.space
        topic = space.create_topic("events")
        project = write_project(space.folder / "project", {"events": topic})
        database = space.database("events")
        prepare(space, project, database)
        with running_system(space, project, database, has_worker=False) as system:
            bodies = {size: self._requests(system, size) for size in SIZES}
            for size in SIZES:
                self._load(system, bodies[size], min(WARM_UP_SECONDS, self.options.seconds))
            for number in range(1, self.options.rounds + 1):
                for size in SIZES:
                    self._round(system, topic, size, number, bodies[size])
        return self.render()

    def _requests(self, system: System, size: int) -> list[bytes]:
        messages = list(Traffic(size * BODIES[size], self.options.seed))
        bodies = [b"\n".join(messages[first : first + size]) for first in range(0, len(messages), size)]
        return [events_request(system.api_url, system.token, "events", body) for body in bodies]

    def _load(self, system: System, requests: Sequence[bytes], seconds: float) -> Load:
        load = run_load(address_of(system.api_url), requests, connections=CONNECTIONS, seconds=seconds)
        if load.refused:
            raise BenchError(f"{len(load.refused)} requests were refused: {load.refusal}")
        return load

    def _round(self, system: System, topic: str, size: int, number: int, requests: Sequence[bytes]) -> None:
        before = self._stored(topic)
        groups = {**self.space.servers.process_groups, "API": system.commands["API"].process_group}
        accounts = Accounts(groups)
        load = self._load(system, requests, self.options.seconds)
        events = len(load.accepted) * size
        cpu = accounts.micros_each(events)
        stored = self._stored(topic) - before
        if stored != events:
            raise BenchError(f"{events} events were acknowledged and {stored} are in the topic")
        self.loads.setdefault(size, []).append(load)
        self.cpu.setdefault(size, []).append(cpu)
        self.record.add(documents=size, round=number, events=events, cpu_micros=cpu, **load.as_dict())
        self.say(f"  {size} a request, {number}: {load.rate:,.0f} requests/s")

    def _stored(self, topic: str) -> int:
        """Messages of requests that the broker holds, over all partitions."""
        config = self.space.servers.kafka_config()
        # One message more in each partition, alone in its batch: the embedded broker tells where the last batch begins,
        # not where it ends.
        for number in range(PARTITIONS):
            fill_topic(config, topic, [b"{}"], 1, first_partition=number)
        self._more += PARTITIONS
        consumer = Consumer(self.space.servers.kafka_config(group_id="unused"))
        try:
            marks = [
                consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=30)
                for number in range(PARTITIONS)
            ]
        finally:
            consumer.close()
        return sum(mark[1] - mark[0] for mark in marks if mark is not None) - self._more

    def render(self) -> str:
        """The table; CPU is in µs an event where it is not said to be a request's."""
        head = (
            *("documents a request", "requests/s", "events/s", "requests/s per API core", "events/s per API core"),
            *("p50 ms", "p99 ms", "API CPU a request", "API CPU", "Kafka CPU", "client CPU a request"),
        )
        return table.render(head, [self._row(size, loads) for size, loads in self.loads.items()])

    def _row(self, size: int, loads: Sequence[Load]) -> tuple[str, ...]:
        cpu = self.cpu[size]
        ours = [each.get("API") for each in cpu]
        per_core = [1e6 / each if each else None for each in ours]
        return (
            f"{size:,}",
            spread_text([load.rate for load in loads], thousands),
            spread_text([load.rate * size for load in loads], thousands),
            spread_text([each and each / size for each in per_core], thousands),
            spread_text(per_core, thousands),
            spread_text([load.latency(50) for load in loads], millis),
            spread_text([load.latency(99) for load in loads], millis),
            spread_text([each and each * size for each in ours], thousands),
            spread_text(ours, _micros),
            spread_text([each.get("Kafka") for each in cpu], _micros),
            spread_text([load.client_cpu_seconds / len(load.accepted) * 1e6 for load in loads], thousands),
        )


def _micros(value: float) -> str:
    return f"{value:.1f}"
