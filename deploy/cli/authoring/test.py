"""`birdhouse test`: a project's own cases, asked over its fixtures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.cli.options import Moment, project_option

if TYPE_CHECKING:
    from deploy.cli.invocation import Invocation
    from deploy.testing.database.engine import Engine

# Something could not be tested at all: a fixture that cannot be loaded, a pipe that is not there. 1: a case failed.
EXIT_OWN_ERRORS = 2


@click.command()
@click.argument("filters", nargs=-1, metavar="[FILTER]...")
@click.option("--update", "is_update", is_flag=True, help="Write what is answered into the files, as what is expected.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write JUnit XML, too.")
@click.option("--now", "moment", type=Moment(), help="What now() and its kin give, in ISO 8601.")
@click.option("--exact-order", "is_order_exact", is_flag=True, help="Rows must come in the file's order in any case.")
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Cases asked at once.")
@click.option("--server", "is_on_server", is_flag=True, help="Test on CLICKHOUSE_URL, in a database of the test's own.")
@project_option
def test(
    project: Path | None,
    filters: tuple[str, ...],
    is_update: bool,
    junit: Path | None,
    moment: datetime | None,
    is_order_exact: bool,
    jobs: int,
    is_on_server: bool,
) -> None:
    """Deploy the project into a database of its own, load its fixtures, and ask the cases of tests/*.yaml.

    FILTER is a file, a pipe, PIPE:CASE or a part of a case's name. Exit code 1 when a case failed, 2 when something
    could not be tested at all.
    """
    from deploy.cli.group import words_of
    from deploy.cli.invocation import Invocation
    from deploy.testing.reports.junit import write_junit
    from deploy.testing.reports.render import render
    from deploy.testing.reports.updating import update
    from deploy.testing.runner import Options, run_cases
    from deploy.testing.selection import selected
    from schemas.report import render as render_problems

    def tell(text: str) -> None:
        click.echo(text, err=True)

    called = Invocation.of(project)
    options = Options(jobs, moment, is_order_exact)
    try:
        checked = called.read_project()
        files = selected(called.settings.project_folder, filters)
        with _engine(called, jobs, is_on_server=is_on_server) as engine:
            report = run_cases(
                engine, checked, called.environment, files, options, lambda text: click.echo(text, err=True)
            )
        if is_update:
            report = update(report)
        if junit is not None:
            write_junit(report, junit)
    except Exception as error:
        words = f"error: {error.filename}: {error.strerror}" if isinstance(error, OSError) else words_of(error)
        if words is None:
            raise
        click.echo(words, err=True)
        sys.exit(EXIT_OWN_ERRORS)
    if report.problems:
        click.echo(render_problems(report.problems) + "\n", err=True)
    click.echo(render(report))
    sys.exit(report.exit_code)


@contextmanager
def _engine(called: Invocation, jobs: int, *, is_on_server: bool) -> Iterator[Engine]:
    from deploy.testing.database.engine import embedded, of_server

    if is_on_server:
        yield of_server(called.settings, jobs)
        return
    with embedded(jobs) as engine:
        yield engine
