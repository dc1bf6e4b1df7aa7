"""How long after the broker has acknowledged an event an endpoint answers with it: on a busy and on an idle topic."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from bench import table
from bench.figures import millis, percentile
from bench.load.caller import Caller
from bench.load.probes import Prober, Stream
from bench.record import Record
from bench.systems.project_files import write_project
from bench.systems.system import prepare, running_system
from bench.systems.workspace import Workspace

# Between two probes, so that they do not fall into step with anything that has a period.
PAUSES = (0.02, 0.5)
WARM_UP_PROBES = 3


@dataclass(frozen=True, slots=True)
class Options:
    rate: int = 20_000
    probes: int = 100
    rounds: int = 1
    seed: int = 1


@dataclass
class FreshnessBench:
    """Everything of one run; `say` takes a line for people."""

    space: Workspace
    options: Options
    record: Record
    say: Callable[[str], None]
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def run(self) -> str:
        """Measure, and give the table."""
        space, options = self.space, self.options
        topic = space.create_topic("events")
        project = write_project(space.folder / "project", {"events": topic})
        database = space.database("freshness")
        prepare(space, project, database)
        config = space.servers.kafka_config()
        with (
            running_system(space, project, database) as system,
            Caller(system.api_url, system.token) as caller,
        ):
            prober = Prober(config, topic, caller)
            for _ in range(WARM_UP_PROBES):
                prober.probe()
            for number in range(1, options.rounds + 1):
                self._probe(prober, "single events, idle topic", number)
                stream = Stream(config, topic, options.rate, options.seed)
                stream.start()
                try:
                    prober.probe()  # the stream's first events create the month's first parts
                    self._probe(prober, f"{options.rate:,} events/s", number)
                finally:
                    reached = stream.stop()
                if reached < 0.95 * options.rate:
                    self.record.notes.append(
                        f"round {number}: the stream reached {reached:,.0f} of {options.rate:,} events/s"
                    )
                system.check_alive()
        return self.render()

    def _probe(self, prober: Prober, side: str, number: int) -> None:
        random = Random(self.options.seed)  # noqa: S311 - repeatable, not secret
        found = []
        for _ in range(self.options.probes):
            time.sleep(random.uniform(*PAUSES))
            found.append(prober.probe())
        self.seconds.setdefault(side, []).extend(found)
        self.record.add(side=side, round=number, seconds=found)
        self.say(f"  {side}, {number}: p50 {millis(percentile(found, 50))} ms")

    def render(self) -> str:
        """The table, over all rounds, in ms."""
        head = ("topic", "probes", "p50 ms", "p99 ms", "max ms")
        rows = [
            (side, str(len(found)), *(millis(percentile(found, percent)) for percent in (50, 99, 100)))
            for side, found in self.seconds.items()
        ]
        return table.render(head, rows)
