"""`birdhouse explain`: the SQL of an endpoint, and what it would read; or what the views behind a data source cost."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.cli.options import project_option

if TYPE_CHECKING:  # loaded once it is needed, as the others below
    from deploy.cli.invocation import Invocation

# There is no such pipe. 1 is what the API would refuse, or ClickHouse.
EXIT_UNKNOWN_PIPE = 2


@click.command()
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

    For a data source in place of a pipe: the materialized views that its rows go through, and what each of them costs.

    Exit code 1 for parameters that the API would refuse, 2 for an unknown pipe.
    """
    from deploy.cli.invocation import Invocation
    from deploy.errors import UnknownPipeError
    from deploy.explain import explanation as explaining

    called = Invocation.beside_run(project)
    checked = called.read_project()
    if pipe in checked.project.data_sources and pipe not in checked.catalog.pipes:
        click.echo(_view_costs(called, pipe))
        return
    try:
        given = map(_name_and_value, parameters)
        explanation = explaining.explain(checked.catalog, pipe, given, cache_seconds=_cache_seconds(called))
    except UnknownPipeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_UNKNOWN_PIPE)
    if output_format == "json":
        click.echo(explaining.as_json(explanation))
        return
    click.echo(explaining.render(explanation) + "\n")
    examined = explaining.examine(explanation, checked.project, called.settings)
    click.echo(explaining.render_readings(examined.readings))
    if examined.hints:
        click.echo(explaining.render_hints(examined.hints))


def _cache_seconds(called: Invocation) -> int:
    """How long an API with this environment keeps answers whose pipes do not say it."""
    from query_api.settings import QueryApiSettings
    from service.settings import load_settings

    return load_settings(QueryApiSettings, called.environment).cache_seconds


def _view_costs(called: Invocation, data_source: str) -> str:
    from deploy.explain.view_costs import ViewCosts, render_view_costs
    from service.clickhouse.asking import Asker

    with called.clients() as connect, Asker(connect, called.settings.clickhouse_database) as asker:
        costs = ViewCosts(asker).of(data_source)
    return render_view_costs(data_source, costs)


def _name_and_value(parameter: str) -> tuple[str, str]:
    from deploy.errors import ExplainError

    name, separator, value = parameter.partition("=")
    if not name or not separator:
        raise ExplainError(f"`{parameter}` is no parameter", "write it as NAME=VALUE")
    return name, value
