"""`birdhouse tokens`: every token of a project, or the value of one."""

from __future__ import annotations

from pathlib import Path

import click

from deploy.cli.options import project_option


@click.command()
@click.argument("name", required=False)
@project_option
def tokens(project: Path | None, name: str | None) -> None:
    """Print every token with its scopes, or the value of the one called NAME (`admin` may do everything)."""
    from deploy.cli.invocation import Invocation
    from deploy.operations.tokens import find_token, render, token_rows
    from deploy.secret import SECRET_FILE, find_secret, is_secret_missing

    called = Invocation.of(project)
    settings = called.settings
    checked = called.read_project()
    if is_secret_missing(settings):
        note = "a new secret is generated: services with another BIRDHOUSE_SECRET take none of these tokens"
        click.echo(f"warning: {note}\nhint: it is kept in `{settings.data / SECRET_FILE}`", err=True)
    rows = token_rows(checked.project, find_secret(settings))
    click.echo(render(rows) if name is None else find_token(rows, name).value)
