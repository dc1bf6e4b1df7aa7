"""All commands as one, and how their errors are told."""

from __future__ import annotations

from typing import Any

import click

from deploy.cli.authoring.init import init
from deploy.cli.authoring.test import test
from deploy.cli.bench import bench_command
from deploy.cli.check import check
from deploy.cli.deploy import deploy
from deploy.cli.explain import explain
from deploy.cli.offsets import offsets
from deploy.cli.replay import replay
from deploy.cli.run import run
from deploy.cli.tokens import tokens
from deploy.cli.verify import verify


class Commands(click.Group):
    """Commands whose expected errors are told in their own words, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            words = words_of(error)
            if words is None:
                raise
            click.echo(words, err=True)
        return ctx.exit(1)


def words_of(error: Exception) -> str | None:
    """What people are told of an error that is expected; None of any other."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from schemas.errors import ProjectError
    from schemas.report import render
    from service.clickhouse.connect import reason_of
    from service.errors import ServiceError
    from service.logs import redact

    if isinstance(error, ProjectError):
        return render(error.problems)
    if isinstance(error, ServiceError):
        return redact(f"error: {error}")
    if isinstance(error, ClickHouseError):
        return redact(f"error: ClickHouse does not do what was asked: {reason_of(error)}")
    return None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="birdhouse")
def main() -> None:
    """Event analytics on your own Kafka and ClickHouse."""


for _command in (check, deploy, explain, init, offsets, replay, run, test, tokens, verify):
    main.add_command(_command)
main.add_command(bench_command(), "bench")
