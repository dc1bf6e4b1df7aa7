"""The `birdhouse` command: data goes to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click
from clickhouse_connect.driver.client import Client

from deploy import tokens as token_table
from deploy.apply import apply
from deploy.check import read_project
from deploy.connect import connect
from deploy.embedded_engine import EmbeddedEngine
from deploy.errors import DeployError, ExplainError, FolderInUseError, RefusedPlanError, UnknownPipeError
from deploy.plan import read_plan
from deploy.secret import find_secret
from deploy.settings import RunSettings
from schemas.errors import ProjectError
from schemas.report import render
from service.errors import SettingsError
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
        except (DeployError, SettingsError) as error:
            click.echo(redact(f"error: {error}"), err=True)
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


@main.command()
@click.option("--watch", "is_watched", is_flag=True, help="Make files of the project live when they are saved.")
@project_option
def run(project: Path | None, is_watched: bool) -> None:
    """Start everything in one process, and what is not configured with it.

    Without KAFKA_BOOTSTRAP_SERVERS a broker is started, without CLICKHOUSE_URL an engine on BIRDHOUSE_DATA. Ctrl-C
    stops it after what was accepted is stored.
    """
    from deploy.run import run as run_all  # everything else starts faster without both services

    settings, environment = _settings(project)
    configure(settings.birdhouse_log_format, settings.birdhouse_log_level)
    checked = read_project(settings.project_folder, environment)
    if checked.warnings:
        click.echo(render(checked.warnings), err=True)
    sys.exit(run_all(settings, environment, checked, is_watched=is_watched))


@main.command()
@project_option
def check(project: Path | None) -> None:
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


@main.command()
@click.option("--check", "is_check", is_flag=True, help="Only print the plan; exit code 2 when it is not empty.")
@project_option
def deploy(project: Path | None, is_check: bool) -> None:
    """Put the project's tables and views into ClickHouse, after printing what will be done."""
    settings, environment = _settings(project)
    checked = read_project(settings.project_folder, environment)
    with _client(settings) as client:
        plan = read_plan(client, checked.project, settings.clickhouse_database)
        click.echo(plan.render())
        if plan.refused:
            raise RefusedPlanError(
                "the plan holds changes that would lose data, so nothing was done",
                "undo them in the project's files, or make them in ClickHouse by hand",
            )
        if plan.is_empty:
            return
        if is_check:
            sys.exit(EXIT_CHANGES)
        apply(client, plan)
        click.echo("deployed", err=True)


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
    from deploy import explain as explaining

    settings, environment = _settings(project)
    checked = read_project(settings.project_folder, environment)
    try:
        explanation = explaining.explain(checked.catalog, pipe, map(_name_and_value, parameters))
    except UnknownPipeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_UNKNOWN_PIPE)
    if output_format == "json":
        click.echo(explanation.as_json())
        return
    click.echo(explanation.render() + "\n")
    click.echo(explaining.render_readings(explaining.estimate(explanation, settings)))


@main.command()
@click.argument("name", required=False)
@project_option
def tokens(project: Path | None, name: str | None) -> None:
    """Print every token with its scopes, or the value of the one called NAME (`admin` may do everything)."""
    settings, environment = _settings(project)
    checked = read_project(settings.project_folder, environment)
    rows = token_table.token_rows(checked.project, find_secret(settings))
    click.echo(token_table.render(rows) if name is None else token_table.find_token(rows, name).value)


def _name_and_value(parameter: str) -> tuple[str, str]:
    name, separator, value = parameter.partition("=")
    if not name or not separator:
        raise ExplainError(f"`{parameter}` is no parameter", "write it as NAME=VALUE")
    return name, value


def _settings(project: Path | None) -> tuple[RunSettings, dict[str, str]]:
    environment = {name: value for name, value in os.environ.items() if value}
    if project is not None:
        environment["PROJECT_DIR"] = str(project)
    return load_settings(RunSettings, environment), environment


@contextmanager
def _client(settings: RunSettings) -> Iterator[Client]:
    if not settings.is_engine_embedded:
        with closing(connect(settings)) as server:
            yield server
        return
    engine = EmbeddedEngine(settings.birdhouse_data)
    try:
        engine.start()
    except FolderInUseError as error:
        raise FolderInUseError(
            error.message,
            "that `birdhouse run` deploys the project when it starts: stop it with Ctrl-C and start it again "
            "(or set CLICKHOUSE_URL to deploy to a server)",
        ) from None
    try:
        with closing(engine.client()) as client:
            yield client
    finally:
        engine.stop()


def _count(things: Any, noun: str) -> str:
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")
