"""Options that several commands take, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., None]], Callable[..., None]]

project_option: Decorator = click.option(
    "--project",
    "project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="The project's folder, instead of PROJECT_DIR.",
)
partitions_option: Decorator = click.option(
    "--partition", "partitions", type=click.IntRange(0), multiple=True, help="Only this one; may be repeated."
)
output_option: Decorator = click.option(
    "--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True
)


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601; without a zone it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"`{value}` is no time; write it as 2026-01-31T12:00:00", param, ctx)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
