"""What a request costs the API itself: by stage, and over sockets in front of a ClickHouse that answers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import table
from bench.errors import BenchError
from bench.figures import millis, ratio, spread_text, thousands, times
from bench.load.generator import Load, run_load
from bench.load.questions import CACHED, CACHED_NAME, POINT, POINT_NAME, Question, questions
from bench.load.requests import address_of, clickhouse_request
from bench.load.stored_rows import StoredRows, merge
from bench.record import Record
from bench.systems.accounting import Accounts
from bench.systems.canned import ApiAlone, api_alone, client_alone, recorded_answer
from bench.systems.project_files import write_project
from bench.systems.stages import Costs, measure_stages
from bench.systems.system import System, prepare, running_system
from bench.systems.workspace import Workspace
from deploy.check import read_project
from deploy.explain.explanation import explain
from schemas.queries.catalog import Catalog

API = "API"
ROWS_EACH = 30
WARM_UP_SECONDS = 1.0
REQUESTS_A_STAGE = 2_000
NO_SOCKETS = (
    "nothing over sockets: the embedded engine answers nobody but its own process, so no answer can be recorded"
)


@dataclass(frozen=True, slots=True)
class Options:
    rows: int = 100_000
    rounds: int = 3
    seconds: float = 5.0
    seed: int = 1
    pipes: tuple[str, ...] = ()  # all of them without any
    processes: tuple[int, ...] = (1,)
    connections: int = 64

    @property
    def numbers(self) -> list[int]:
        """Of processes, each once, the fewest first."""
        return sorted(set(self.processes))


@dataclass(frozen=True, slots=True)
class Cell:
    """A question, and by how many processes of the API it is answered."""

    pipe: str
    processes: int


@dataclass(frozen=True, slots=True)
class Round:
    """A load, and µs of the API's CPU a request; None where the kernel does not tell."""

    load: Load
    cpu: float | None

    @property
    def rate(self) -> float:
        return self.load.rate

    @property
    def per_core(self) -> float | None:
        """Requests that a second of the API's CPU allows."""
        return 1e6 / self.cpu if self.cpu else None


@dataclass
class RequestBench:
    """Everything of one run; `say` takes a line for people."""

    space: Workspace
    options: Options
    record: Record
    say: Callable[[str], None]
    stages: dict[str, Costs] = field(default_factory=dict)  # by pipe
    rounds: dict[Cell, list[Round]] = field(default_factory=dict)
    client: Load | None = None

    def run(self) -> str:
        """Measure, and give the tables."""
        space, options = self.space, self.options
        topic = space.create_topic("events")
        pipes = {POINT_NAME: POINT, CACHED_NAME: CACHED}
        project = write_project(space.folder / "project", {"events": topic}, pipes=pipes)
        database = space.database("request")
        rows = StoredRows(options.rows, ROWS_EACH, options.seed)
        prepare(space, project, database, [rows.insert(database), merge(database)])
        catalog = read_project(project, {}).catalog
        with running_system(space, project, database, has_worker=False) as system:
            chosen = self._chosen(system)
            answers = self._answers(system, catalog, chosen)
        self._measure_stages(project, chosen)
        self.client = client_alone(space, options.connections, min(options.seconds, 2.0))
        self.record.add(side="client alone", connections=options.connections, **self.client.as_dict())
        for question in chosen:
            if question.pipe in answers:
                self._measure_alone(project, question, answers[question.pipe])
        return self.render()

    def _chosen(self, system: System) -> list[Question]:
        asked = {question.pipe: question for question in questions(system.ask)}
        asked[CACHED_NAME] = Question(CACHED_NAME, asked[POINT_NAME].values)
        for pipe in self.options.pipes:
            if pipe not in asked:
                raise BenchError(f"there is no endpoint `{pipe}`", f"there are {', '.join(asked)}")
        return [asked[pipe] for pipe in self.options.pipes or asked]

    def _answers(self, system: System, catalog: Catalog, chosen: Sequence[Question]) -> dict[str, bytes]:
        """By pipe, what ClickHouse answers to its first values."""
        settings = self.space.servers.settings
        if self.space.servers.is_engine_embedded:
            self.record.notes.append(NO_SOCKETS)
            return {}
        assert settings.clickhouse_url is not None
        address = address_of(settings.clickhouse_url)
        queries = {each.pipe: explain(catalog, each.pipe, each.values[0].items()).query for each in chosen}
        return {
            pipe: recorded_answer(address, clickhouse_request(settings, system.database, query))
            for pipe, query in queries.items()
        }

    def _measure_stages(self, project: Path, chosen: Sequence[Question]) -> None:
        # What comes of a kept answer goes through none of the stages that make a query.
        asked = {question.pipe: question.values for question in chosen if question.pipe != CACHED_NAME}
        log = self.space.folder / "stages.log"
        self.stages = measure_stages(project, asked, rounds=self.options.rounds, requests=REQUESTS_A_STAGE, log=log)
        for pipe, costs in self.stages.items():
            self.record.add(pipe=pipe, side="stages", cpu_micros=costs)
        self.say("  stages")

    def _measure_alone(self, project: Path, question: Question, answer: bytes) -> None:
        """Each number of processes in turn; those that are not asked wait, and cost next to nothing."""
        with self._running(project, answer) as apis:
            requests = {number: api.requests(question.pipe, question.values) for number, api in apis.items()}
            for number, api in apis.items():
                self._load(api, requests[number], min(WARM_UP_SECONDS, self.options.seconds))
            for turn in range(1, self.options.rounds + 1):
                for number, api in apis.items():
                    self._round(api, Cell(question.pipe, number), turn, requests[number])
        self.say(f"  {question.pipe}")

    @contextmanager
    def _running(self, project: Path, answer: bytes) -> Iterator[Mapping[int, ApiAlone]]:
        with ExitStack() as stack:
            yield {
                number: stack.enter_context(api_alone(self.space, project, answer, processes=number))
                for number in self.options.numbers
            }

    def _round(self, api: ApiAlone, cell: Cell, turn: int, requests: Sequence[bytes]) -> None:
        accounts = Accounts({API: api.command.process_group})
        load = self._load(api, requests, self.options.seconds)
        cpu = accounts.micros_each(max(len(load.accepted), 1))
        api.command.check_alive()
        self.rounds.setdefault(cell, []).append(Round(load, cpu.get(API)))
        self.record.add(
            pipe=cell.pipe,
            processes=cell.processes,
            connections=self.options.connections,
            round=turn,
            cpu_micros=cpu,
            **load.as_dict(),
        )

    def _load(self, api: ApiAlone, requests: Sequence[bytes], seconds: float) -> Load:
        load = run_load(address_of(api.api_url), requests, connections=self.options.connections, seconds=seconds)
        if load.refused:
            raise BenchError(f"{len(load.refused)} requests were refused: {load.refusal}")
        return load

    def render(self) -> str:
        """CPU by stage in µs a request, then what the API answers alone."""
        assert self.client is not None
        micros = self.client.client_cpu_seconds / max(len(self.client.accepted), 1) * 1e6
        alone = f"client alone: {self.client.rate:,.0f} requests/s, {micros:.0f} µs of its CPU a request"
        tables = [*([self._stages_table()] if self.stages else []), *([self._alone_table()] if self.rounds else [])]
        return "\n\n".join([*tables, alone])

    def _stages_table(self) -> str:
        pipes = list(self.stages)
        names = list(next(iter(self.stages.values())))
        rows = [(name, *(_micros(self.stages[pipe][name]) for pipe in pipes)) for name in names]
        sums = {pipe: [sum(each) for each in zip(*costs.values(), strict=True)] for pipe, costs in self.stages.items()}
        rows.append(("all of these", *(_micros(sums[pipe]) for pipe in pipes)))
        if self.rounds:
            first = self.options.numbers[0]
            whole = [[each.cpu for each in self.rounds[Cell(pipe, first)]] for pipe in pipes]
            rows.append(("the whole request, over sockets", *(_micros(each) for each in whole)))
        return table.render(("CPU of the API, µs a request", *pipes), rows)

    def _alone_table(self) -> str:
        head = (
            *(f"API alone, {self.options.connections} clients", "processes", "requests/s", "× fewest processes"),
            *("requests/s per API core", "p50 ms", "p99 ms", "API CPU µs", "client CPU µs"),
        )
        return table.render(head, [self._alone_row(cell, rounds) for cell, rounds in self.rounds.items()])

    def _alone_row(self, cell: Cell, rounds: Sequence[Round]) -> tuple[str, ...]:
        first = self.rounds[Cell(cell.pipe, self.options.numbers[0])]
        # Beside the same turn: what slows the machine down slows both.
        beside = [ratio(own.rate, other.rate) for own, other in zip(rounds, first, strict=True)]
        return (
            cell.pipe,
            str(cell.processes),
            spread_text([each.rate for each in rounds], thousands),
            "–" if first is rounds else spread_text(beside, times),
            spread_text([each.per_core for each in rounds], thousands),
            spread_text([each.load.latency(50) for each in rounds], millis),
            spread_text([each.load.latency(99) for each in rounds], millis),
            _micros([each.cpu for each in rounds]),
            _micros([each.load.client_cpu_seconds / len(each.load.accepted) * 1e6 for each in rounds]),
        )


def _micros(values: Sequence[float | None]) -> str:
    return spread_text(values, lambda value: f"{value:.1f}" if value < 10 else f"{value:.0f}")
