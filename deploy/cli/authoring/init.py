"""`birdhouse init`: a project to begin with."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--from",
    "sample",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="SAMPLE.ndjson",
    help="Events, one JSON object a line; without it a sample of ours.",
)
@click.argument("folder", type=click.Path(path_type=Path), default=Path(), required=False)
def init(sample: Path | None, folder: Path) -> None:
    """Begin a project in FOLDER: a data source whose types, keys and JSONPaths are inferred from a sample, an endpoint
    over it, its fixture, and cases.

    Files that are there are never written over.
    """
    from deploy.beginning import begin

    begun = begin(folder, sample)
    for file in begun.files:
        click.echo(f"wrote {folder / file}", err=True)
    for key in begun.inferred.left_out:
        click.echo(f"note: `{key}` is left out: no JSONPath can name it, or there are too many columns", err=True)
    project = f" --project {folder}" if folder != Path() else " --project ."
    click.echo(
        f"\nRead {folder / next(iter(begun.files))} and correct what was inferred. Then:\n\n"
        f"  birdhouse check{project}\n  birdhouse test{project}\n  birdhouse run --fixtures{project}",
        err=True,
    )
