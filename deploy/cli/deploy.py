"""`birdhouse deploy`: the plan, and carrying it out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from deploy.cli.options import project_option

# `--check`: something is to be done. 1 is an error, 2 is click's own for wrong usage too, but never on stdout.
EXIT_CHANGES = 2


@click.command()
@click.option("--check", "is_check", is_flag=True, help="Only print the plan; exit code 2 when it is not empty.")
@project_option
def deploy(project: Path | None, is_check: bool) -> None:
    """Put the project's tables and views into ClickHouse, after printing what will be done."""
    from deploy.cli.invocation import Invocation
    from deploy.run.beside import running_parts
    from ingest_worker.storing.settled import records_of
    from service.deployment.apply import apply
    from service.deployment.plan import read_plan
    from service.errors import RefusedPlanError
    from service.kafka.config import client_config

    called = Invocation.beside_run(project)
    settings = called.settings
    checked = called.read_project()
    with called.client() as client:
        plan = read_plan(client, checked.project, settings.clickhouse_database, checked.views)
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
            records=records_of(lambda connection: client_config(settings, called.environment, connection=connection)),
            tell=lambda text: click.echo(text, err=True),
        )
        click.echo("deployed", err=True)
    if running_parts(settings.data) is not None:
        text = (
            "the running `birdhouse run` goes on with the project that it began with: start it again, or with --watch"
        )
        click.echo(f"hint: {text}", err=True)
