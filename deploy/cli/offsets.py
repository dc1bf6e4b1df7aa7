"""`birdhouse offsets`: where the group of a data source stands, and setting it."""

from __future__ import annotations

from pathlib import Path

import click

from deploy.cli.options import partitions_option, project_option


@click.command()
@click.option("--data-source", "data_source", metavar="NAME", required=True, help="Whose topic and group.")
@partitions_option
@click.option(
    "--to", "target", metavar="PLACE", help="`earliest`, `latest`, `current`, an offset, or a time (ISO 8601)."
)
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@project_option
def offsets(
    project: Path | None,
    data_source: str,
    partitions: tuple[int, ...],
    target: str | None,
    is_sure: bool,
) -> None:
    """Print where the group of a data source stands, or set it with --to while no worker runs.

    Unlike Kafka's own tools it writes beside the offset that this is meant, so that workers go on from there also where
    the table cannot tell which events it holds already. Those are stored once more.
    """
    from deploy.cli.invocation import Invocation
    from deploy.operations import offsets as setting
    from deploy.run.beside import running_parts
    from ingest_worker.storing.topic import TopicView
    from service.kafka.config import client_config

    called = Invocation.beside_run(project)
    settings = called.settings
    checked = called.read_project()
    feeds = setting.feeds_of_topic(checked.project, data_source)
    connection = checked.project.connections.get(feeds[0].connection or "")
    config = client_config(settings, called.environment, connection=connection)
    parts = running_parts(settings.data)
    is_embedded = parts is not None and parts.broker is not None and parts.broker == settings.kafka_bootstrap_servers
    if target is not None and is_embedded:
        raise setting.of_embedded_broker()
    with TopicView(config, feeds[0]) as view:
        held = setting.read_offsets(view, feeds[0].topic, partitions)
        topic_id = view.topic_id() or ""
        if target is None:
            click.echo(setting.render(feeds[0], held, {}, topic_id, keeps_records=not is_embedded))
            return
        wanted = setting.positions(view, held, setting.target_of(target))
    click.echo(setting.render(feeds[0], held, wanted, topic_id))
    if not is_sure:
        names = ", ".join(feed.data_source for feed in feeds)
        click.confirm(f"set these offsets, which {names} will be loaded from?", abort=True, err=True)
    with called.clients() as connect_client:
        setting.set_offsets(feeds, config, connect_client, settings.clickhouse_database, topic_id, wanted)
