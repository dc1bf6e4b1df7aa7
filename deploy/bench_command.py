"""`birdhouse bench` as the command line finds it: the benchmarks are of a checkout, and in no wheel and no image."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

CHECKOUT = Path(__file__).parents[1]


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def _missing(arguments: tuple[str, ...]) -> None:  # noqa: ARG001  whatever was asked for
    """Measure Birdhouse beside its rivals on this machine; needs a checkout."""
    raise click.ClickException("the benchmarks are not installed\nhint: run `birdhouse bench` from a checkout")


def bench_command() -> click.Command:
    """The command group of the checkout that this package lies in; without one, a command that says so."""
    if not (CHECKOUT / "bench" / "cli.py").is_file():
        return _missing
    if str(CHECKOUT) not in sys.path:
        sys.path.append(str(CHECKOUT))
    command = import_module("bench.cli").bench
    assert isinstance(command, click.Command)
    return command
