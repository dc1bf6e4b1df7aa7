"""`birdhouse run`: everything in one process."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from deploy.cli.options import project_option


@click.command()
@click.option("--watch", "is_watched", is_flag=True, help="Make files of the project live when they are saved.")
@click.option("--fixtures", "has_fixtures", is_flag=True, help="Give empty tables the rows of the project's fixtures.")
@project_option
def run(project: Path | None, is_watched: bool, has_fixtures: bool) -> None:
    """Start everything in one process, and what is not configured with it.

    Without KAFKA_BOOTSTRAP_SERVERS a broker is started, without CLICKHOUSE_URL an engine on BIRDHOUSE_DATA. Ctrl-C
    stops it after what was accepted is stored.
    """
    from deploy.cli.invocation import Invocation
    from deploy.run.command import run as run_all
    from schemas.report import render

    called = Invocation.of(project)
    called.configure_logs()
    checked = called.read_project()
    if checked.warnings:
        click.echo(render(checked.warnings), err=True)
    sys.exit(run_all(called.settings, called.environment, checked, is_watched=is_watched, has_fixtures=has_fixtures))
