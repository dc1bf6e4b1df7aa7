"""A replay as a command: progress and questions on stderr, the summary on stdout, an exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click
from clickhouse_connect.driver.client import Client

from deploy.errors import ReplayError
from deploy.operations.replay.command import Replay
from deploy.operations.replay.render import exit_code, render_json, render_text
from deploy.operations.replay.request import Request
from deploy.operations.replay.result import PartitionResult
from ingest_worker.settings import IngestSettings
from schemas.feed import feed_of
from schemas.model import Project
from service.errors import ServiceError
from service.kafka.config import ClientConfig, client_config
from service.settings import load_settings


def replay(
    options: Mapping[str, Any],
    project: Project,
    environment: Mapping[str, str],
    connect: Callable[[], Client],
    output: str,
    *,
    is_sure: bool,
) -> int:
    """Carry the request out and print it; gives the exit code. Raises `ServiceError`."""
    request = Request(**options)
    settings = load_settings(IngestSettings, environment)

    def kafka() -> ClientConfig:
        feed = feed_of(project.data_sources[request.data_source])
        assert feed is not None
        connection = project.connections.get(feed.connection or "")
        if connection is None and settings.kafka_bootstrap_servers is None:
            raise ReplayError(
                "there is no Kafka to read from: KAFKA_BOOTSTRAP_SERVERS is not set",
                "an embedded broker's events are gone when it ends; `--quarantine` needs no Kafka",
            )
        return client_config(settings, environment, connection=connection)

    def confirm(warning: str) -> None:
        click.echo(warning, err=True)
        if not is_sure and not click.confirm("go on?", err=True):
            raise ReplayError("nothing was done", "`--yes` says yes")

    render = render_json if output == "json" else render_text
    results: list[PartitionResult] = []
    try:
        for result in Replay(request, project, settings, connect, kafka, _show_progress).run(confirm):
            _show_progress(f"{result.topic}/{result.partition}: {'looked at' if request.is_check else 'done'}")
            results.append(result)
    except ServiceError:
        if results:
            click.echo(render(results, request))
        raise
    click.echo(render(results, request))
    return exit_code(results)


def _show_progress(text: str) -> None:
    click.echo(text, err=True)
