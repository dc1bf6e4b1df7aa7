"""`birdhouse deploy`: the plan, and carrying it out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.cli.options import project_option

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from deploy.check import CheckedProject
    from deploy.cli.invocation import Invocation

# `--check`: something is to be done. 1 is an error, 2 is click's own for wrong usage too, but never on stdout.
EXIT_CHANGES = 2
# `--keep-going`: what is right is deployed, and something was left out.
EXIT_SET_ASIDE = 3


@click.command()
@click.option("--check", "is_check", is_flag=True, help="Only print the plan; exit code 2 when it is not empty.")
@click.option(
    "--keep-going",
    "keeps_going",
    is_flag=True,
    help="Leave out what is broken with everything that reads it, and deploy the rest; exit code 3.",
)
@project_option
def deploy(project: Path | None, is_check: bool, keeps_going: bool) -> None:
    """Put the project's tables and views into ClickHouse, after printing what will be done.

    ClickHouse analyses all of its SQL first: nothing is deployed while something is wrong.
    """
    from deploy.cli.invocation import Invocation
    from deploy.run.beside import running_parts
    from service.errors import ServiceError

    called = Invocation.beside_run(project)
    with ExitStack() as stack:
        try:
            connect_client = stack.enter_context(called.clients())
        except ServiceError:
            called.read_project()  # what is wrong with the files needs nobody to be told
            raise
        checked = _checked(called, connect_client, keeps_going=keeps_going)
        is_empty = _deploy(called, connect_client, checked, is_check=is_check)
    if not is_empty and running_parts(called.settings.data) is not None:
        text = (
            "the running `birdhouse run` goes on with the project that it began with: start it again, or with --watch"
        )
        click.echo(f"hint: {text}", err=True)
    if checked.project.set_aside:
        sys.exit(EXIT_SET_ASIDE)


def _checked(called: Invocation, connect_client: Callable[[], Client], *, keeps_going: bool) -> CheckedProject:
    """What is to be deployed, after telling what is wrong. Ends the command where that keeps it from it."""
    from deploy.checking.engines import analyse_with
    from deploy.checking.examination import examine
    from schemas.report import render
    from service.analysis.project import Analyst

    settings = called.settings
    analyst = Analyst(connect_client, settings.clickhouse_database)
    found = examine(settings.project_folder, called.environment, analyse_with(analyst))
    if found.has_errors:
        click.echo(render(found.problems), err=True)
    if found.rest is None or (found.has_errors and not keeps_going):
        hint = (
            "" if found.rest is None else "\nhint: `--keep-going` deploys the rest, without what reads what is broken"
        )
        click.echo(f"nothing was changed{hint}", err=True)
        sys.exit(1)
    if found.not_analysed:
        click.echo(f"note: the SQL is not analysed: {found.not_analysed}", err=True)
    for name, reason in found.set_aside.items():
        click.echo(f"set aside `{name}`: {reason}", err=True)
    for name, pipe in found.kept.items():
        click.echo(f"note: nothing comes into `{name}` from `{pipe}`, which is set aside", err=True)
    return found.rest


def _deploy(
    called: Invocation, connect_client: Callable[[], Client], checked: CheckedProject, *, is_check: bool
) -> bool:
    """Print the plan and carry it out; says whether there was nothing to do."""
    from contextlib import closing

    from ingest_worker.storing.settled import records_of
    from schemas.report import render
    from service.analysis.new_columns import new_column_warnings
    from service.deployment.apply import apply
    from service.deployment.plan import read_plan
    from service.errors import RefusedPlanError
    from service.kafka.config import client_config

    settings = called.settings
    with closing(connect_client()) as client:
        plan = read_plan(client, checked.project, settings.clickhouse_database, checked.views)
        click.echo(plan.render())
        for warning in plan.warnings:
            click.echo(f"warning: {warning}", err=True)
        if found := new_column_warnings(plan):
            click.echo(render(found), err=True)
        if plan.refused:
            raise RefusedPlanError(
                "the plan holds changes that would lose data, so nothing was done",
                "undo them in the project's files, or make them in ClickHouse by hand",
            )
        if plan.is_empty:
            return True
        if is_check:
            sys.exit(EXIT_CHANGES)
        apply(
            client,
            plan,
            records=records_of(lambda connection: client_config(settings, called.environment, connection=connection)),
            tell=lambda text: click.echo(text, err=True),
        )
        click.echo("deployed", err=True)
    return False
