"""`birdhouse verify`: the proof from outside that each offset is stored once."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import click

from deploy.cli.options import Moment, output_option, project_option


@click.command()
@click.option("--data-source", "data_source", metavar="NAME", help="Only this data source.")
@click.option("--since", type=Moment(), help="Only messages from this time on (ISO 8601, UTC without a zone).")
@output_option
@project_option
def verify(project: Path | None, data_source: str | None, since: datetime | None, output: str) -> None:
    """Compare what is stored with what the broker holds, offset by offset, up to what the group has committed; and what
    materialized views have counted with what their sources hold (without `--since`).

    Exit code 0: each offset is stored and counted once. 1: gaps, doubles or an error. 2: nothing is wrong, but of some
    offsets nobody can tell any more.
    """
    from deploy.cli.invocation import Invocation
    from deploy.operations.verify.project import verify_project
    from deploy.operations.verify.render import render_json, render_text
    from deploy.operations.verify.report import verdict_of
    from deploy.operations.verify.rollups import verify_views
    from service.clickhouse.asking import Asker

    called = Invocation.beside_run(project)
    called.configure_logs()
    checked = called.read_project()
    with called.clients() as connect:
        with closing(connect()) as client:
            reports = verify_project(checked.project, called.settings, called.environment, client, data_source, since)
        with Asker(connect, called.settings.clickhouse_database) as asker:
            views = verify_views(checked.project, asker, data_source) if since is None else []
    click.echo(render_json(reports, views) if output == "json" else render_text(reports, views))
    sys.exit(verdict_of(reports, views))
