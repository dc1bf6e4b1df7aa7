"""The `birdhouse bench` commands."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from deploy.bench import plots
from deploy.bench.ingest import IngestBench
from deploy.bench.ingest import Options as IngestOptions
from deploy.bench.record import Record, write
from deploy.bench.servers import Servers, running_servers
from deploy.bench.workspace import Workspace, workspace

SEED = 1


def _shared(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option(
            "--rounds", type=click.IntRange(1, 100), default=3, show_default=True, help="How often each side."
        ),
        click.option("--seed", type=int, default=SEED, show_default=True, help="The same seed makes the same events."),
        click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write every round."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _plot_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--plot",
        "plot_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Draw it, as PNG (needs matplotlib).",
    )(command)


@contextmanager
def _place(name: str, seed: int, options: dict[str, Any]) -> Iterator[tuple[Workspace, Record]]:
    environment = {key: value for key, value in os.environ.items() if value}
    with running_servers(environment) as servers, workspace(servers, name) as space:
        _say_where(servers)
        yield space, Record(name, seed, dict(servers.versions), options)


def _say_where(servers: Servers) -> None:
    say(", ".join(f"{name}: {version}" for name, version in servers.versions.items()))


def say(text: str) -> None:
    """A line for people: what is measured goes to stdout, everything else to stderr."""
    click.echo(text, err=True)


def _finish(record: Record, table: str, json_file: Path | None) -> None:
    click.echo(table)
    for note in record.notes:
        say(note)
    if json_file is not None:
        write(json_file, [record])


def _plot(plot_file: Path | None, draw: Callable[[Path], None]) -> None:
    if plot_file is None:
        return
    if plots.can_plot():
        draw(plot_file)
    else:
        say(plots.MISSING)


@click.group(invoke_without_command=True)
@click.pass_context
def bench(context: click.Context) -> None:
    """Measure Birdhouse beside its rivals on this machine; without a command, a short run of everything.

    It runs on the servers of KAFKA_BOOTSTRAP_SERVERS and CLICKHOUSE_URL, else on those that the commands in
    TEST_KAFKA_COMMAND and TEST_CLICKHOUSE_COMMAND start, else on the embedded ones.
    """


@bench.command()
@_shared
@_plot_option
@click.option("--events", type=click.IntRange(100), default=3_000_000, show_default=True, help="Events in the topic.")
@click.option("--broken", type=click.FloatRange(0, 1), help="Also our rate when this share of the events is broken.")
@click.option(
    "--data-sources", type=click.IntRange(1, 20), default=1, show_default=True, help="Also one worker for so many."
)
@click.option("--rivals/--no-rivals", "has_rivals", default=True, show_default=True)
def ingest(
    rounds: int, seed: int, json_file: Path | None, plot_file: Path | None, has_rivals: bool, **options: Any
) -> None:
    """Drain a full topic of 6 partitions into the table, by us and by the rivals in turn."""
    chosen = IngestOptions(rounds=rounds, seed=seed, has_rivals=has_rivals, **options)
    with _place("ingest", seed, {"rounds": rounds, **options}) as (space, record):
        run = IngestBench(space, chosen, record, say)
        _finish(record, run.run(), json_file)
        _plot(plot_file, run.plot)
