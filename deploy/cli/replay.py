"""`birdhouse replay`: a range, a time span or the quarantine, stored again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from deploy.cli.options import Moment, output_option, partitions_option, project_option


@click.command()
@click.option("--data-source", "data_source", metavar="NAME", required=True, help="What is to be stored again.")
@partitions_option
@click.option("--from-offset", type=click.IntRange(0), help="First offset.")
@click.option("--to-offset", type=click.IntRange(0), help="Last offset, inclusive.")
@click.option("--since", type=Moment(), help="From the first message of this time on (ISO 8601, UTC without a zone).")
@click.option("--until", type=Moment(), help="Up to the first message of this time.")
@click.option("--replace", "replaces", is_flag=True, help="Delete the range's rows first, and store all of it anew.")
@click.option("--quarantine", "from_quarantine", is_flag=True, help="Move what today's schema takes to the table.")
@click.option("--check", "is_check", is_flag=True, help="Only say what would be done.")
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask before rows are deleted.")
@output_option
@project_option
def replay(project: Path | None, output: str, is_sure: bool, **options: Any) -> None:
    """Store a range, a time span or what is in quarantine again, exactly once: what is stored already stays as it is.

    Killed and run again, it goes on. Exit code 0: done. 1: an error. 2: nothing to do, or not all, with the reason.
    """
    from deploy.cli.invocation import Invocation
    from deploy.operations.replay import terminal

    called = Invocation.beside_run(project)
    called.configure_logs()
    checked = called.read_project()
    with called.clients() as connect_client:
        sys.exit(terminal.replay(options, checked.project, called.environment, connect_client, output, is_sure=is_sure))
