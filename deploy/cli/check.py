"""`birdhouse check`: what is wrong with a project, without a server."""

from __future__ import annotations

import sys
from collections.abc import Sized
from pathlib import Path

import click

from deploy.cli.options import project_option


@click.command()
@click.option("--strict", "is_strict", is_flag=True, help="Exit code 1 for warnings too.")
@project_option
def check(project: Path | None, is_strict: bool) -> None:
    """Read the project and print what is wrong with it; exit code 1 when something is."""
    from deploy.cli.invocation import Invocation
    from schemas.errors import ProjectError
    from schemas.report import render

    called = Invocation.of(project)
    try:
        checked = called.read_project()
    except ProjectError as error:
        click.echo(render(error.problems))
        sys.exit(1)
    if checked.warnings:
        click.echo(render(checked.warnings))
    counts = f"{_count(checked.project.data_sources, 'data source')} and {_count(checked.project.pipes, 'pipe')}"
    click.echo(f"{counts} in {called.settings.project_folder}: no errors", err=True)
    if is_strict and checked.warnings:
        sys.exit(1)


def _count(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")
