"""`birdhouse bench` as the command line finds it: the benchmarks are of a checkout, and in no wheel and no image."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

CHECKOUT = Path(__file__).parents[2]


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def _missing(arguments: tuple[str, ...]) -> None:  # noqa: ARG001  whatever was asked for
    """Measure Birdhouse beside its rivals on this machine; needs a checkout."""
    from deploy.errors import NoCheckoutError

    raise NoCheckoutError(
        "the benchmarks are in no installed package: they need a checkout of Birdhouse",
        "in one, `pip install -e '.[bench,embedded]'`, then `birdhouse bench`",
    )


def bench_command(folder: Path = CHECKOUT) -> click.Command:
    """The command group of the checkout that this package lies in; without one, a command that says so."""
    # Beside an installed package may lie somebody else's `bench`.
    if not all((folder / name).is_file() for name in ("pyproject.toml", "bench/cli.py")):
        return _missing
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    command = import_module("bench.cli").bench
    assert isinstance(command, click.Command)
    return command
