"""The options of `birdhouse bench`. What runs is imported when it is asked for: every other command starts sooner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(dir_okay=False, path_type=Path)


def shared_options(command: Callable[..., None]) -> Callable[..., None]:
    command = click.option("--json", "json_file", type=_FILE, help="Write machine, versions and every round.")(command)
    command = click.option(
        "--seed", type=int, default=1, show_default=True, help="The same seed makes the same events."
    )(command)
    return click.option(
        "--rounds", type=click.IntRange(1, 100), default=3, show_default=True, help="How often each side is measured."
    )(command)


def count_option(name: str, default: int, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(name, type=click.IntRange(1), default=default, show_default=True, help=text)


plot_option = click.option("--plot", "plot_file", type=_FILE, help="Draw it, as PNG (needs matplotlib).")
seconds_option = click.option(
    "--seconds", type=click.FloatRange(0.1), default=5.0, show_default=True, help="Length of one round."
)


@click.group(invoke_without_command=True)
@click.option("--json", "json_file", type=_FILE, help="Write every round.")
@click.pass_context
def bench(context: click.Context, json_file: Path | None) -> None:
    """Measure Birdhouse beside its rivals on this machine; without a command, a short run of everything.

    It runs on the servers of KAFKA_BOOTSTRAP_SERVERS and CLICKHOUSE_URL, else on those that the commands in
    TEST_KAFKA_COMMAND and TEST_CLICKHOUSE_COMMAND start, else on the embedded ones. Everything that it makes there
    has a name of its own and is dropped at the end.
    """
    if context.invoked_subcommand is None:
        from bench.run import run_all

        run_all(json_file)


@bench.command()
@shared_options
@plot_option
@count_option("--events", 3_000_000, "Events in the topic.")
@click.option("--broken", type=click.FloatRange(0, 1), help="Also our rate with this share of broken events.")
@click.option("--data-sources", type=click.IntRange(1, 20), default=1, help="Also ours with one worker for so many.")
@click.option("--projection", "has_projection", is_flag=True, help="Also ours with the projection of the example.")
@click.option("--rollups", "has_rollups", is_flag=True, help="Also ours with three rollups behind the table.")
@click.option("--engine-brokers", metavar="HOST:PORT", help="Kafka's address for ClickHouse, where it is another.")
@click.option("--rivals/--no-rivals", "has_rivals", default=True, show_default=True)
def ingest(**options: Any) -> None:
    """Drain a full topic of 6 partitions into the table, by us and by the rivals in turn."""
    _run("ingest", **options)


@bench.command()
@shared_options
@count_option("--rows", 3_000_000, "Rows in the table.")
@seconds_option
@click.option("--pipe", "pipes", multiple=True, help="Only this endpoint; may be given several times.")
def query(**options: Any) -> None:
    """Ask endpoints, and ClickHouse the same SQL: latency, throughput, overload."""
    _run("query", **options)


@bench.command()
@shared_options
@count_option("--rows", 100_000, "Rows in the table that answers are recorded from.")
@seconds_option
@click.option("--pipe", "pipes", multiple=True, help="Only this endpoint; may be given several times.")
@count_option("--connections", 64, "Callers that ask at once.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    multiple=True,
    default=(1, 2),
    show_default=True,
    help="BIRDHOUSE_API_PROCESSES; may be given several times.",
)
def request(**options: Any) -> None:
    """Measure what a request costs the API itself, by stage and over sockets."""
    _run("request", **options)


@bench.command()
@shared_options
@seconds_option
def events(**options: Any) -> None:
    """Send events over HTTP, one and a thousand in a request, over 64 connections."""
    _run("events", **options)


@bench.command()
@shared_options
@plot_option
@count_option("--max-rows", 100_000_000, "Rows in the largest table; each is ten times the one before.")
@count_option("--first-rows", 1_000_000, "Rows in the smallest.")
def growth(**options: Any) -> None:
    """Ask about one user while the table grows and the user does not."""
    _run("growth", **options)


@bench.command()
@shared_options
@count_option("--rate", 20_000, "Events a second on the busy topic.")
@count_option("--probes", 100, "Events whose way is timed, in each round.")
def freshness(**options: Any) -> None:
    """Time events from the broker's acknowledgement to the first answer that holds them."""
    _run("freshness", **options)


@bench.command()
@shared_options
@click.option("--pipes", type=click.IntRange(4), default=500, show_default=True, help="Pipes in the large project.")
def start(**options: Any) -> None:
    """Start the query API with a small and with a large project."""
    _run("start", **options)


@bench.command()
@shared_options
@count_option("--rows", 10_000_000, "Rows in the table that the views are filled from.")
@count_option("--rate", 20_000, "Events a second that come in meanwhile.")
@click.option("--views", type=click.IntRange(1, 3), default=1, show_default=True, help="New materialized pipes.")
def fill(**options: Any) -> None:
    """Deploy new materialized pipes over a full table while events come in."""
    _run("fill", **options)


@bench.command()
@shared_options
@click.option(
    "--rows",
    type=click.IntRange(1_000),
    multiple=True,
    default=(1_000_000, 100_000_000),
    show_default=True,
    help="Rows in the table, a multiple of 1,000; may be given several times.",
)
def rollup(**options: Any) -> None:
    """Ask for the statistics of all events, of the events and of a rollup of them, while the history grows."""
    _run("rollup", **options)


@bench.command()
@shared_options
@count_option("--rows", 100_000_000, "Rows in the table.")
def takeover(**options: Any) -> None:
    """Take six partitions over whose offsets lie in a large table."""
    _run("takeover", **options)


def _run(name: str, *, json_file: Path | None, plot_file: Path | None = None, **options: Any) -> None:
    from bench.run import run_one

    run_one(name, options, json_file, plot_file)
