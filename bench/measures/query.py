"""What the API adds to a query: latency and throughput beside the same SQL sent to ClickHouse by the same client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench import table
from bench.errors import BenchError
from bench.figures import millis, ratio, spread_text, thousands, times
from bench.load.generator import Load, run_load
from bench.load.questions import POINT, POINT_NAME, Question, questions
from bench.load.requests import address_of, clickhouse_request, endpoint_request
from bench.load.stored_rows import StoredRows, merge
from bench.record import Record
from bench.systems.accounting import Accounts
from bench.systems.canned import client_alone
from bench.systems.project_files import write_project
from bench.systems.system import System, prepare, running_system
from bench.systems.workspace import Workspace
from deploy.check import read_project
from deploy.explain.explanation import explain
from query_api.settings import QueryApiSettings
from schemas.queries.catalog import Catalog

OURS, DIRECT = "API", "ClickHouse"
# Four times as many callers as queries may run at once: overload.
MOST_QUERIES: int = QueryApiSettings.model_fields["max_queries"].default
CONNECTIONS = (1, MOST_QUERIES, 4 * MOST_QUERIES)
ROWS_EACH = 30
WARM_UP_SECONDS = 1.0
NO_DIRECT = "no comparison with ClickHouse: the embedded engine answers nobody but its own process"


@dataclass(frozen=True, slots=True)
class Options:
    rows: int = 3_000_000
    rounds: int = 3
    seconds: float = 5.0
    seed: int = 1
    pipes: tuple[str, ...] = ()  # all of them without any


@dataclass(frozen=True, slots=True)
class Cell:
    """A question, a number of connections, a side."""

    pipe: str
    connections: int
    side: str


@dataclass
class QueryBench:
    """Everything of one run; `say` takes a line for people."""

    space: Workspace
    options: Options
    record: Record
    say: Callable[[str], None]
    loads: dict[Cell, list[Load]] = field(default_factory=dict)
    cpu: dict[Cell, list[dict[str, float]]] = field(default_factory=dict)
    client: Load | None = None

    def run(self) -> str:
        """Measure, and give the tables."""
        space, options = self.space, self.options
        topic = space.create_topic("events")
        project = write_project(space.folder / "project", {"events": topic}, pipes={POINT_NAME: POINT})
        database = space.database("query")
        rows = StoredRows(options.rows, ROWS_EACH, options.seed)
        prepare(space, project, database, [rows.insert(database), merge(database)])
        if space.servers.is_engine_embedded:
            self.record.notes.append(NO_DIRECT)
        elif not (space.servers.settings.clickhouse_url or "").startswith("http://"):
            raise BenchError(
                "the load generator speaks plain HTTP alone", "give a CLICKHOUSE_URL that starts with http://"
            )
        self.client = client_alone(space, CONNECTIONS[-1], min(options.seconds, 2.0))
        self.record.add(side="client alone", connections=CONNECTIONS[-1], **self.client.as_dict())
        catalog = read_project(project, {}).catalog
        with running_system(space, project, database, has_worker=False) as system:
            chosen = [each for each in questions(system.ask) if not options.pipes or each.pipe in options.pipes]
            for question in chosen:
                self._measure(system, catalog, question)
        return self.render()

    def _measure(self, system: System, catalog: Catalog, question: Question) -> None:
        sides = self._sides(system, catalog, question)
        for address, requests in sides.values():
            run_load(address, requests, connections=CONNECTIONS[1], seconds=min(WARM_UP_SECONDS, self.options.seconds))
        for connections in CONNECTIONS:
            for number in range(1, self.options.rounds + 1):
                for side, (address, requests) in sides.items():
                    self._round(system, Cell(question.pipe, connections, side), number, address, requests)
        self.say(f"  {question.pipe}")

    def _sides(
        self, system: System, catalog: Catalog, question: Question
    ) -> dict[str, tuple[tuple[str, int], list[bytes]]]:
        ours = [endpoint_request(system.api_url, system.token, question.pipe, values) for values in question.values]
        sides = {OURS: (address_of(system.api_url), ours)}
        if self.space.servers.is_engine_embedded:
            return sides
        settings = self.space.servers.settings
        direct = [
            clickhouse_request(settings, system.database, explain(catalog, question.pipe, values.items()).query)
            for values in question.values
        ]
        assert settings.clickhouse_url is not None
        return sides | {DIRECT: (address_of(settings.clickhouse_url), direct)}

    def _round(
        self, system: System, cell: Cell, number: int, address: tuple[str, int], requests: Sequence[bytes]
    ) -> None:
        groups = {**self.space.servers.process_groups, OURS: system.commands["API"].process_group}
        accounts = Accounts(groups)
        load = run_load(address, requests, connections=cell.connections, seconds=self.options.seconds)
        cpu = accounts.micros_each(max(len(load.accepted), 1))
        self.record.add(
            pipe=cell.pipe, connections=cell.connections, side=cell.side, round=number, cpu_micros=cpu, **load.as_dict()
        )
        system.check_alive()
        self.loads.setdefault(cell, []).append(load)
        self.cpu.setdefault(cell, []).append(cpu)

    def render(self) -> str:
        """Latency and throughput of each cell, then what overload does; CPU is in ms a request."""
        assert self.client is not None
        alone = (
            f"client alone: {self.client.rate:,.0f} requests/s, {_client_micros([self.client])} µs of its CPU a request"
        )
        return "\n\n".join([self._latency_table(), self._overload_table(), alone])

    def _latency_table(self) -> str:
        head = (
            *("endpoint", "clients", "side", "p50 ms", "p99 ms", "requests/s"),
            *("ms more than ClickHouse p50", "× its p50", "× its rate"),
            *("API CPU ms", "ClickHouse CPU ms", "client CPU µs"),
        )
        return table.render(head, [self._row(cell, loads) for cell, loads in self.loads.items()])

    def _row(self, cell: Cell, loads: Sequence[Load]) -> tuple[str, ...]:
        direct = self.loads.get(Cell(cell.pipe, cell.connections, DIRECT), [])
        cpu = self.cpu[cell]
        # Of the same turn: what slows the machine down slows both.
        pairs = [] if cell.side == DIRECT else list(zip(loads, direct, strict=False))
        return (
            cell.pipe,
            str(cell.connections),
            cell.side,
            spread_text([_p50(load) for load in loads], millis),
            spread_text([load.latency(99) for load in loads], millis),
            spread_text([load.rate for load in loads], thousands),
            spread_text([_p50(ours) - _p50(other) for ours, other in pairs], _signed_millis),
            spread_text([ratio(_p50(ours), _p50(other)) for ours, other in pairs], times),
            spread_text([ratio(ours.rate, other.rate) for ours, other in pairs], times),
            *(
                spread_text([each.get(name) for each in cpu], lambda value: f"{value / 1000:.2f}")
                for name in (OURS, "ClickHouse")
            ),
            _client_micros(loads),
        )

    def _overload_table(self) -> str:
        head = (f"API, {CONNECTIONS[-1]} clients", "requests/s", "× best", "p99 ms of accepted", "refused")
        rows = []
        for pipe in dict.fromkeys(cell.pipe for cell in self.loads):
            overload = self.loads[Cell(pipe, CONNECTIONS[-1], OURS)]
            best = max(_median(self.loads[Cell(pipe, number, OURS)], _rate) for number in CONNECTIONS)
            share = ratio(_median(overload, _rate), best)
            rows.append(
                (
                    pipe,
                    spread_text([load.rate for load in overload], thousands),
                    "–" if share is None else times(share),
                    spread_text([load.latency(99) for load in overload], millis),
                    str(sum(len(load.refused) for load in overload)),
                )
            )
        return table.render(head, rows)


def _p50(load: Load) -> float:
    return load.latency(50)


def _rate(load: Load) -> float:
    return load.rate


def _signed_millis(seconds: float) -> str:
    return f"{seconds * 1000:+.2f}"


def _median(loads: Sequence[Load], of: Callable[[Load], float]) -> float:
    return sorted(map(of, loads))[len(loads) // 2]


def _client_micros(loads: Sequence[Load]) -> str:
    costs = [load.client_cpu_seconds / max(len(load.accepted) + len(load.refused), 1) * 1e6 for load in loads]
    return spread_text(costs, lambda value: f"{value:.0f}")
