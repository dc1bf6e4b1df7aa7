"""Runs benches on servers that it finds or starts: one with its options, or all of them at small sizes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException

from bench import plots
from bench.errors import BenchError
from bench.measures import events, fill, freshness, growth, ingest, query, request, rollup, start, takeover
from bench.record import Record, write
from bench.systems.servers import Servers, running_servers
from bench.systems.workspace import workspace
from service.clickhouse.connect import reason_of

ONE_PROCESS = "worker, API and engine are one process, `birdhouse run`: its CPU and memory stand for all of them"


# What they measure is the API's own process, whatever engine there is.
OF_THE_API = frozenset({"request", "start"})


class Bench(Protocol):
    """One bench, ready to run; gives its tables as text."""

    def run(self) -> str: ...


# name → what makes the bench (of a space, its options, a record, and where lines for people go), what makes its options
BENCHES: Mapping[str, tuple[Callable[..., Bench], Callable[..., Any]]] = {
    "ingest": (ingest.IngestBench, ingest.Options),
    "query": (query.QueryBench, query.Options),
    "request": (request.RequestBench, request.Options),
    "events": (events.EventsBench, events.Options),
    "growth": (growth.GrowthBench, growth.Options),
    "freshness": (freshness.FreshnessBench, freshness.Options),
    "start": (start.StartBench, start.Options),
    "fill": (fill.FillBench, fill.Options),
    "rollup": (rollup.RollupBench, rollup.Options),
    "takeover": (takeover.TakeoverBench, takeover.Options),
}
# Sizes that show within a minute or two that each bench works, and no more than that.
SHORT: Mapping[str, Mapping[str, Any]] = {
    "ingest": {"events": 300_000, "rounds": 1, "seed": 1},
    "query": {"rows": 300_000, "rounds": 1, "seconds": 1.0, "seed": 1},
    "request": {"rounds": 1, "seconds": 1.0, "seed": 1},
    "events": {"rounds": 1, "seconds": 2.0, "seed": 1},
    "growth": {"max_rows": 1_000_000, "first_rows": 100_000, "rounds": 1, "seed": 1},
    "freshness": {"rate": 2_000, "probes": 10, "rounds": 1, "seed": 1},
    "start": {"pipes": 500, "rounds": 1, "seed": 1},
    "rollup": {"rows": (100_000, 1_000_000), "rounds": 1, "seed": 1},
}


def say(text: str) -> None:
    click.echo(text, err=True)


def run_one(name: str, options: Mapping[str, Any], json_file: Path | None, plot_file: Path | None = None) -> None:
    """Run one bench and print its table. Raises `ServiceError`."""
    if plot_file is not None and not plots.can_plot():
        say(plots.MISSING)  # before the hours that it may take
        plot_file = None
    with _servers() as servers:
        record = measure(servers, name, options, plot_file)
    if json_file is not None:
        write(json_file, [record])


def run_all(json_file: Path | None) -> None:
    """Run all benches at small sizes. Raises `ServiceError`."""
    records = []
    with _servers() as servers:
        for name, options in SHORT.items():
            click.echo(f"\n{name} (a short run: for a first look, not for a comparison)\n")
            records.append(measure(servers, name, options))
    if json_file is not None:
        write(json_file, records)


def measure(servers: Servers, name: str, options: Mapping[str, Any], plot_file: Path | None = None) -> Record:
    """Run one bench on these servers. Raises `BenchError`, also for what Kafka and ClickHouse refuse."""
    create, options_of = BENCHES[name]
    record = Record(name, options["seed"], dict(servers.versions), dict(options))
    if servers.is_engine_embedded and name not in OF_THE_API:
        record.notes.append(ONE_PROCESS)
    try:
        with workspace(servers, name) as space:
            bench = create(space, options_of(**options), record, say)
            click.echo(bench.run())
    except KafkaException as error:
        raise BenchError(f"Kafka refused what the bench `{name}` asked: {error.args[0].str()}") from error
    except ClickHouseError as error:
        raise BenchError(f"ClickHouse refused what the bench `{name}` asked: {reason_of(error)}") from error
    for note in record.notes:
        say(f"note: {note}")
    if plot_file is not None:
        draw: Callable[[Path], None] = bench.plot  # type: ignore[attr-defined]  # only benches that can draw get one
        draw(plot_file)
    return record


@contextmanager
def _servers() -> Iterator[Servers]:
    with running_servers({name: value for name, value in os.environ.items() if value}) as servers:
        say(", ".join(f"{name}: {version}" for name, version in servers.versions.items()))
        yield servers
