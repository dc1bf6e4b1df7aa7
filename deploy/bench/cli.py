"""The `birdhouse bench` commands: tables go to stdout, everything else to stderr."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click

from deploy.bench import events as events_bench
from deploy.bench import freshness as freshness_bench
from deploy.bench import growth as growth_bench
from deploy.bench import ingest as ingest_bench
from deploy.bench import plots
from deploy.bench import query as query_bench
from deploy.bench import start as start_bench
from deploy.bench.record import Record, write
from deploy.bench.servers import Servers, running_servers
from deploy.bench.short import SHORT
from deploy.bench.workspace import Workspace, workspace

ONE_PROCESS = "worker, API and engine are one process, `birdhouse run`: its CPU and memory stand for all of them"
# A bench that can be drawn does it with this.
Draw = Callable[[Path], None]


class Bench(Protocol):
    """One bench, ready to run; gives its tables as text."""

    def run(self) -> str: ...


# The space, the record and where lines for people go → a bench.
Create = Callable[[Workspace, Record, Callable[[str], None]], Bench]


def say(text: str) -> None:
    click.echo(text, err=True)


def shared_options(command: Callable[..., None]) -> Callable[..., None]:
    file = click.Path(dir_okay=False, path_type=Path)
    command = click.option("--json", "json_file", type=file, help="Write machine, versions and every round.")(command)
    command = click.option(
        "--seed", type=int, default=1, show_default=True, help="The same seed makes the same events."
    )(command)
    return click.option(
        "--rounds", type=click.IntRange(1, 100), default=3, show_default=True, help="How often each side is measured."
    )(command)


def plot_option(command: Callable[..., None]) -> Callable[..., None]:
    file = click.Path(dir_okay=False, path_type=Path)
    return click.option("--plot", "plot_file", type=file, help="Draw it, as PNG (needs matplotlib).")(command)


def count_option(name: str, default: int, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(name, type=click.IntRange(1), default=default, show_default=True, help=text)


seconds_option = click.option(
    "--seconds", type=click.FloatRange(0.1), default=5.0, show_default=True, help="Length of one round."
)


@click.group(invoke_without_command=True)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write every round.")
@click.pass_context
def bench(context: click.Context, json_file: Path | None) -> None:
    """Measure Birdhouse beside its rivals on this machine; without a command, a short run of everything.

    It runs on the servers of KAFKA_BOOTSTRAP_SERVERS and CLICKHOUSE_URL, else on those that the commands in
    TEST_KAFKA_COMMAND and TEST_CLICKHOUSE_COMMAND start, else on the embedded ones. Everything that it makes there
    has a name of its own and is dropped at the end.
    """
    if context.invoked_subcommand is not None:
        return
    with _servers() as servers:
        records = []
        for name, options, create in SHORT:
            click.echo(f"\n{name} (a short run: for a first look, not for a comparison)\n")
            records.append(_measure(servers, name, 1, options, create))
    if json_file is not None:
        write(json_file, records)


@bench.command()
@shared_options
@plot_option
@count_option("--events", 3_000_000, "Events in the topic.")
@click.option("--broken", type=click.FloatRange(0, 1), help="Also our rate with this share of broken events.")
@click.option("--data-sources", type=click.IntRange(1, 20), default=1, help="Also ours with one worker for so many.")
@click.option("--rivals/--no-rivals", "has_rivals", default=True, show_default=True)
def ingest(json_file: Path | None, plot_file: Path | None, **options: Any) -> None:
    """Drain a full topic of 6 partitions into the table, by us and by the rivals in turn."""
    chosen = ingest_bench.Options(**options)
    _run("ingest", options, lambda *place: ingest_bench.IngestBench(place[0], chosen, *place[1:]), json_file, plot_file)


@bench.command()
@shared_options
@count_option("--rows", 3_000_000, "Rows in the table.")
@seconds_option
def query(json_file: Path | None, **options: Any) -> None:
    """Ask endpoints, and ClickHouse the same SQL: latency, throughput, overload."""
    chosen = query_bench.Options(**options)
    _run("query", options, lambda *place: query_bench.QueryBench(place[0], chosen, *place[1:]), json_file)


@bench.command()
@shared_options
@seconds_option
def events(json_file: Path | None, **options: Any) -> None:
    """Send events over HTTP, one and a thousand in a request, over 64 connections."""
    chosen = events_bench.Options(**options)
    _run("events", options, lambda *place: events_bench.EventsBench(place[0], chosen, *place[1:]), json_file)


@bench.command()
@shared_options
@plot_option
@count_option("--max-rows", 100_000_000, "Rows in the largest table; each is ten times the one before.")
@count_option("--first-rows", growth_bench.FIRST_ROWS, "Rows in the smallest.")
def growth(json_file: Path | None, plot_file: Path | None, **options: Any) -> None:
    """Ask about one user while the table grows and the user does not."""
    chosen = growth_bench.Options(**options)
    _run("growth", options, lambda *place: growth_bench.GrowthBench(place[0], chosen, *place[1:]), json_file, plot_file)


@bench.command()
@shared_options
@count_option("--rate", 20_000, "Events a second on the busy topic.")
@count_option("--probes", 100, "Events whose way is timed, in each round.")
def freshness(json_file: Path | None, **options: Any) -> None:
    """Time events from the broker's acknowledgement to the first answer that holds them."""
    chosen = freshness_bench.Options(**options)
    _run("freshness", options, lambda *place: freshness_bench.FreshnessBench(place[0], chosen, *place[1:]), json_file)


@bench.command()
@shared_options
@click.option("--pipes", type=click.IntRange(4), default=500, show_default=True, help="Pipes in the large project.")
def start(json_file: Path | None, **options: Any) -> None:
    """Start the query API with a small and with a large project."""
    chosen = start_bench.Options(options["pipes"], options["rounds"])
    _run("start", options, lambda *place: start_bench.StartBench(place[0], chosen, *place[1:]), json_file)


def _run(
    name: str, options: Mapping[str, Any], create: Create, json_file: Path | None, plot_file: Path | None = None
) -> None:
    if plot_file is not None and not plots.can_plot():
        say(plots.MISSING)  # before the hours that it may take
        plot_file = None
    with _servers() as servers:
        record = _measure(servers, name, options["seed"], options, create, plot_file)
    if json_file is not None:
        write(json_file, [record])


@contextmanager
def _servers() -> Iterator[Servers]:
    with running_servers({name: value for name, value in os.environ.items() if value}) as servers:
        say(", ".join(f"{name}: {version}" for name, version in servers.versions.items()))
        yield servers


def _measure(
    servers: Servers,
    name: str,
    seed: int,
    options: Mapping[str, Any],
    create: Create,
    plot_file: Path | None = None,
) -> Record:
    record = Record(name, seed, dict(servers.versions), dict(options))
    if servers.is_engine_embedded:
        record.notes.append(ONE_PROCESS)
    with workspace(servers, name) as space:
        measured = create(space, record, say)
        click.echo(measured.run())
        for note in record.notes:
            say(f"note: {note}")
        if plot_file is not None:
            draw: Draw = measured.plot  # type: ignore[attr-defined]
            draw(plot_file)
    return record
