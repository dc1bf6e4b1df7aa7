"""The `birdhouse` command: data goes to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.bench_command import bench_command
from deploy.check import read_project
from deploy.embedded.engine import EmbeddedEngine
from deploy.errors import ExplainError, FolderInUseError, UnknownPipeError
from deploy.operations import tokens as token_table
from deploy.run.beside import environment_beside, running_parts
from deploy.secret import SECRET_FILE, find_secret, is_secret_missing
from deploy.settings import RunSettings
from ingest_worker.storing.settled import records_of
from schemas.errors import ProjectError
from schemas.report import render
from service.clickhouse.connect import connect, reason_of
from service.deployment.apply import apply
from service.deployment.plan import read_plan
from service.errors import RefusedPlanError, ServiceError
from service.logs import configure, redact
from service.settings import load_settings

# `deploy --check`: something is to be done. 1 is an error, 2 is click's own for wrong usage too, but never on stdout.
EXIT_CHANGES = 2
# `explain`: there is no such pipe. 1 is what the API would refuse, or ClickHouse.
EXIT_UNKNOWN_PIPE = 2


class Commands(click.Group):
    """Commands whose expected errors are told in their own words, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ProjectError as error:
            click.echo(render(error.problems), err=True)
        except ServiceError as error:
            click.echo(redact(f"error: {error}"), err=True)
        except ClickHouseError as error:
            click.echo(redact(f"error: ClickHouse does not do what was asked: {reason_of(error)}"), err=True)
        return ctx.exit(1)


def project_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--project",
        "project",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="The project's folder, instead of PROJECT_DIR.",
    )(command)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="birdhouse")
def main() -> None:
    """Event analytics on your own Kafka and ClickHouse."""


main.add_command(bench_command(), "bench")


@main.command()
@click.option("--watch", "is_watched", is_flag=True, help="Make files of the project live when they are saved.")
@project_option
def run(project: Path | None, is_watched: bool) -> None:
    """Start everything in one process, and what is not configured with it.

    Without KAFKA_BOOTSTRAP_SERVERS a broker is started, without CLICKHOUSE_URL an engine on BIRDHOUSE_DATA. Ctrl-C
    stops it after what was accepted is stored.
    """
    from deploy.run.command import run as run_all  # everything else starts faster without both services

    settings, environment = _settings(project)
    configure(settings.birdhouse_log_format, settings.birdhouse_log_level)
    checked = read_project(settings.project_folder, environment)
    if checked.warnings:
        click.echo(render(checked.warnings), err=True)
    sys.exit(run_all(settings, environment, checked, is_watched=is_watched))


@main.command()
@click.option("--strict", "is_strict", is_flag=True, help="Exit code 1 for warnings too.")
@project_option
def check(project: Path | None, is_strict: bool) -> None:
    """Read the project and print what is wrong with it; exit code 1 when something is."""
    settings, environment = _settings(project)
    try:
        checked = read_project(settings.project_folder, environment)
    except ProjectError as error:
        click.echo(render(error.problems))
        sys.exit(1)
    if checked.warnings:
        click.echo(render(checked.warnings))
    counts = f"{_count(checked.project.data_sources, 'data source')} and {_count(checked.project.pipes, 'pipe')}"
    click.echo(f"{counts} in {settings.project_folder}: no errors", err=True)
    if is_strict and checked.warnings:
        sys.exit(1)


@main.command()
@click.option("--check", "is_check", is_flag=True, help="Only print the plan; exit code 2 when it is not empty.")
@project_option
def deploy(project: Path | None, is_check: bool) -> None:
    """Put the project's tables and views into ClickHouse, after printing what will be done."""
    from service.kafka.config import client_config  # everything else starts faster without Kafka

    settings, environment = _settings_beside_run(project)
    checked = read_project(settings.project_folder, environment)
    with _client(settings) as client:
        plan = read_plan(client, checked.project, settings.clickhouse_database)
        click.echo(plan.render())
        for warning in plan.warnings:
            click.echo(f"warning: {warning}", err=True)
        if plan.refused:
            raise RefusedPlanError(
                "the plan holds changes that would lose data, so nothing was done",
                "undo them in the project's files, or make them in ClickHouse by hand",
            )
        if plan.is_empty:
            return
        if is_check:
            sys.exit(EXIT_CHANGES)
        apply(
            client,
            plan,
            records=records_of(lambda connection: client_config(settings, environment, connection=connection)),
            tell=lambda text: click.echo(text, err=True),
        )
        click.echo("deployed", err=True)
    if running_parts(settings.birdhouse_data) is not None:
        text = (
            "the running `birdhouse run` goes on with the project that it began with: start it again, or with --watch"
        )
        click.echo(f"hint: {text}", err=True)


@main.command()
@click.argument("pipe")
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="`json` gives sql, parameters and settings, and asks no server.",
)
@project_option
def explain(project: Path | None, pipe: str, parameters: tuple[str, ...], output_format: str) -> None:
    """Show the SQL that the endpoint PIPE runs for these parameters, the values bound to it, and what it would read.

    Exit code 1 for parameters that the API would refuse, 2 for an unknown pipe.
    """
    from deploy.explain import explanation as explaining

    settings, environment = _settings_beside_run(project)
    checked = read_project(settings.project_folder, environment)
    try:
        explanation = explaining.explain(checked.catalog, pipe, map(_name_and_value, parameters))
    except UnknownPipeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_UNKNOWN_PIPE)
    if output_format == "json":
        click.echo(explaining.as_json(explanation))
        return
    click.echo(explaining.render(explanation) + "\n")
    examined = explaining.examine(explanation, checked.project, settings)
    click.echo(explaining.render_readings(examined.readings))
    if examined.hints:
        click.echo(explaining.render_hints(examined.hints))


@main.command()
@click.argument("name", required=False)
@project_option
def tokens(project: Path | None, name: str | None) -> None:
    """Print every token with its scopes, or the value of the one called NAME (`admin` may do everything)."""
    settings, environment = _settings(project)
    checked = read_project(settings.project_folder, environment)
    if is_secret_missing(settings):
        note = "a new secret is generated: services with another BIRDHOUSE_SECRET take none of these tokens"
        click.echo(f"warning: {note}\nhint: it is kept in `{settings.birdhouse_data / SECRET_FILE}`", err=True)
    rows = token_table.token_rows(checked.project, find_secret(settings))
    click.echo(token_table.render(rows) if name is None else token_table.find_token(rows, name).value)


def _name_and_value(parameter: str) -> tuple[str, str]:
    name, separator, value = parameter.partition("=")
    if not name or not separator:
        raise ExplainError(f"`{parameter}` is no parameter", "write it as NAME=VALUE")
    return name, value


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601; without a zone it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"`{value}` is no time; write it as 2026-01-31T12:00:00", param, ctx)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


@main.command()
@click.option("--data-source", "data_source", metavar="NAME", help="Only this data source.")
@click.option("--since", type=Moment(), help="Only messages from this time on (ISO 8601, UTC without a zone).")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@project_option
def verify(project: Path | None, data_source: str | None, since: datetime | None, output: str) -> None:
    """Compare what is stored with what the broker holds, offset by offset, up to what the group has committed.

    Exit code 0: each offset is stored once. 1: gaps, doubles or an error. 2: nothing is wrong, but of some offsets
    nobody can tell any more.
    """
    from deploy.operations.verify import project as verifying  # everything else starts faster without Kafka
    from deploy.operations.verify.render import render_json, render_text
    from deploy.operations.verify.report import verdict_of

    settings, environment = _settings_beside_run(project)
    configure(settings.birdhouse_log_format, settings.birdhouse_log_level)
    checked = read_project(settings.project_folder, environment)
    with _client(settings) as client:
        reports = verifying.verify_project(checked.project, settings, environment, client, data_source, since)
    click.echo(render_json(reports) if output == "json" else render_text(reports))
    sys.exit(verdict_of(reports))


@main.command()
@click.option("--data-source", "data_source", metavar="NAME", required=True, help="What is to be stored again.")
@click.option(
    "--partition", "partitions", type=click.IntRange(0), multiple=True, help="Only this one; may be repeated."
)
@click.option("--from-offset", type=click.IntRange(0), help="First offset.")
@click.option("--to-offset", type=click.IntRange(0), help="Last offset, inclusive.")
@click.option("--since", type=Moment(), help="From the first message of this time on (ISO 8601, UTC without a zone).")
@click.option("--until", type=Moment(), help="Up to the first message of this time.")
@click.option("--replace", "replaces", is_flag=True, help="Delete the range's rows first, and store all of it anew.")
@click.option("--quarantine", "from_quarantine", is_flag=True, help="Move what today's schema takes to the table.")
@click.option("--check", "is_check", is_flag=True, help="Only say what would be done.")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask before rows are deleted.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@project_option
def replay(project: Path | None, output: str, is_sure: bool, **asked: Any) -> None:
    """Store a range, a time span or what is in quarantine again, exactly once: what is stored already stays as it is.

    Killed and run again, it goes on. Exit code 0: done. 1: an error. 2: nothing to do, or not all, with the reason.
    """
    from deploy.operations.replay import terminal  # everything else starts faster without Kafka

    settings, environment = _settings_beside_run(project)
    configure(settings.birdhouse_log_format, settings.birdhouse_log_level)
    checked = read_project(settings.project_folder, environment)
    with _clients(settings) as connect_client:
        sys.exit(terminal.replay(asked, checked.project, environment, connect_client, output, is_sure=is_sure))


@main.command()
@click.option("--data-source", "data_source", metavar="NAME", required=True, help="Whose topic and group.")
@click.option(
    "--partition", "partitions", type=click.IntRange(0), multiple=True, help="Only this one; may be repeated."
)
@click.option(
    "--to", "target", metavar="PLACE", help="`earliest`, `latest`, `current`, an offset, or a time (ISO 8601)."
)
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@project_option
def offsets(
    project: Path | None,
    data_source: str,
    partitions: tuple[int, ...],
    target: str | None,
    is_sure: bool,
) -> None:
    """Print where the group of a data source stands, or set it with --to while no worker runs.

    Unlike Kafka's own tools it writes beside the offset that this is meant, so that workers go on from there also where
    the table cannot tell which events it holds already. Those are stored once more.
    """
    from deploy.operations import offsets as setting  # everything else starts faster without Kafka
    from ingest_worker.storing.topic import TopicView
    from service.kafka.config import client_config

    settings, environment = _settings_beside_run(project)
    checked = read_project(settings.project_folder, environment)
    feeds = setting.feeds_of_topic(checked.project, data_source)
    config = client_config(settings, environment, connection=checked.project.connections.get(feeds[0].connection or ""))
    parts = running_parts(settings.birdhouse_data)
    is_embedded = parts is not None and parts.broker is not None and parts.broker == settings.kafka_bootstrap_servers
    if target is not None and is_embedded:
        raise setting.of_embedded_broker()
    with TopicView(config, feeds[0]) as view:
        held = setting.read_offsets(view, feeds[0].topic, partitions)
        topic_id = view.topic_id() or ""
        if target is None:
            click.echo(setting.render(feeds[0], held, {}, topic_id, keeps_records=not is_embedded))
            return
        wanted = setting.positions(view, held, setting.target_of(target))
    click.echo(setting.render(feeds[0], held, wanted, topic_id))
    if not is_sure:
        names = ", ".join(feed.data_source for feed in feeds)
        click.confirm(f"set these offsets, which {names} will be loaded from?", abort=True, err=True)
    with _clients(settings) as connect_client:
        setting.set_offsets(feeds, config, connect_client, settings.clickhouse_database, topic_id, wanted)


def _settings(project: Path | None) -> tuple[RunSettings, dict[str, str]]:
    environment = {name: value for name, value in os.environ.items() if value}
    if project is not None:
        environment["PROJECT_DIR"] = str(project)
    return load_settings(RunSettings, environment), environment


def _settings_beside_run(project: Path | None) -> tuple[RunSettings, dict[str, str]]:
    """As `_settings`; what a `birdhouse run` on the same folder embeds is reached as if it were servers."""
    settings, environment = _settings(project)
    beside = environment_beside(settings, environment)
    return load_settings(RunSettings, beside), beside


@contextmanager
def _client(settings: RunSettings) -> Iterator[Client]:
    with _clients(settings) as connect_client, closing(connect_client()) as client:
        yield client


@contextmanager
def _clients(settings: RunSettings) -> Iterator[Callable[[], Client]]:
    """A function that gives a new client each time."""
    if not settings.is_engine_embedded:
        yield lambda: connect(settings)
        return
    engine = EmbeddedEngine(settings.birdhouse_data)
    try:
        engine.start()
    except FolderInUseError as error:
        hint = "a `birdhouse run` is asked once it is ready, and another command ends: try again in a moment"
        raise FolderInUseError(error.message, hint) from None
    try:
        yield engine.client
    finally:
        engine.stop()


def _count(things: Any, noun: str) -> str:
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")
