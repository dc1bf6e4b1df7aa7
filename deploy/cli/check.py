"""`birdhouse check`: what is wrong with a project, files and SQL, without touching anything."""

from __future__ import annotations

import sys
from collections.abc import Sized
from pathlib import Path

import click

from deploy.cli.options import project_option


@click.command()
@click.option("--strict", "is_strict", is_flag=True, help="Exit code 1 for warnings too.")
@click.option("--no-sql", "is_without_sql", is_flag=True, help="Read the files alone: ClickHouse analyses nothing.")
@project_option
def check(project: Path | None, is_strict: bool, is_without_sql: bool) -> None:
    """Read the project and print what is wrong with it; exit code 1 when something is.

    Every table is tried and every node's SQL analysed, in a database of its own beside the one of CLICKHOUSE_URL, or
    without it by an engine on a temporary folder. No row is read.
    """
    from deploy.checking.engines import analysing
    from deploy.checking.examination import examine
    from deploy.cli.invocation import Invocation
    from schemas.report import render

    called = Invocation.of(project)
    folder = called.settings.project_folder
    with analysing(called.settings, lambda text: click.echo(text, err=True)) as analyse:
        found = examine(folder, called.environment, None if is_without_sql else analyse)
    if found.problems:
        click.echo(render(found.problems))
    if found.not_analysed:
        click.echo(f"note: the SQL is not analysed: {found.not_analysed}", err=True)
    if found.whole is None:
        sys.exit(1)
    held = found.whole.project
    counts = f"{_count(held.data_sources, 'data source')} and {_count(held.pipes, 'pipe')}"
    click.echo(f"{counts} in {folder}: no errors", err=True)
    if is_strict and found.problems:
        sys.exit(1)


def _count(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")
