"""One drain of a full topic by each side: Birdhouse, ClickHouse's Kafka engine, the usual Python consumer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from clickhouse_connect.driver.client import Client

from bench import OWN_MODULES
from bench.errors import BenchError
from bench.measures.drain import Drain, wait_for_merges, watch
from bench.rivals import kafka_engine, python_consumer
from bench.systems.accounting import Accounts
from bench.systems.command import Command, started_command
from bench.systems.project_files import write_project
from bench.systems.rollups import Rollup, counted, verify_rollup
from bench.systems.system import System, prepare, running_system
from bench.systems.workspace import PARTITIONS, Workspace
from schemas.project import EXAMPLE_PROJECT, load_project
from schemas.sql.text import identifier

# Polling what a group was given; no side is stopped by it.
_LOOK_SECONDS = 0.05
_ASSIGN_SECONDS = 90.0


def drain_ours(
    space: Workspace,
    topics: Mapping[str, str],
    events: int,
    broken: int = 0,
    *,
    rollups: Sequence[Rollup] = (),
    has_projection: bool = False,
) -> Drain:
    """Drain the topics of some data sources, which hold `events` messages together, `broken` of them not loadable.

    Rollups are of the data source `events`, which is the only one then and has all of the messages.
    """
    database = space.database(f"ours_{time.monotonic_ns()}")
    group = f"bench_{database}"
    project = write_project(
        space.folder / "project", topics, group=group, rollups=rollups, has_projection=has_projection
    )
    prepare(space, project, database)
    with running_system(space, project, database, has_api=False) as system:
        accounts = Accounts({**space.servers.process_groups, "worker": system.commands["worker"].process_group})
        tables = [identifier(table) for name in topics for table in (name, f"{name}_quarantine")[: 2 if broken else 1]]
        count = partial(_rows, system, tables, rollups, events)
        drain = watch(count, events, system.ready_at, accounts, system.check_alive)
        _settle(space, database)
        drain.cpu_micros = accounts.micros_each(events)
        for name in topics:
            _verify_ours(system, name)
        for rollup in rollups:
            verify_rollup(system.ask, rollup, events - broken)
        quarantined = sum(
            system.ask(f"SELECT count() FROM {identifier(f'{name}_quarantine')}")[0][0] for name in topics
        )
        if quarantined != broken:
            raise BenchError(f"{quarantined} events are in quarantine instead of {broken}")
    space.drop_database(database)
    return drain


def _rows(system: System, tables: Sequence[str], rollups: Sequence[Rollup], events: int) -> int:
    """What can be asked for. Rollups are behind the tables in the same inserts: they are looked at when all else is
    there, since adding up what is not merged costs more than counting."""
    sums = " UNION ALL ".join(f"SELECT count() AS number FROM {table}" for table in tables)
    rows = int(system.ask(f"SELECT sum(number) FROM ({sums})")[0][0])
    return rows if rows != events else min([rows, *(counted(system.ask, rollup) for rollup in rollups)])


def _verify_ours(system: System, name: str) -> None:
    rows, ids = system.ask(f"SELECT count(), uniqExact(event_id) FROM {identifier(name)}")[0]
    _verify(int(rows), int(ids))


def _verify(rows: int, ids: int) -> None:
    if rows != ids:
        raise BenchError(f"{rows} rows hold {ids} different events")


def drain_kafka_engine(space: Workspace, topic: str, events: int, variant: kafka_engine.Variant, brokers: str) -> Drain:
    """Drain a topic with ClickHouse's own engine, which reaches the broker at `brokers`."""
    with closing(space.servers.client()) as client:
        database, columns = _plain_table(space, client, "engine")
        accounts = Accounts(space.servers.process_groups)
        kafka_engine.create(client, database, columns, variant, brokers=brokers, topic=topic, group=f"bench_{database}")
        try:
            started_at = _when(lambda: kafka_engine.is_assigned(client, database, PARTITIONS))
            drain = watch(lambda: _count(client, database), events, started_at, accounts, lambda: None)
            _finish(space, client, database, drain, accounts, events)
        finally:
            kafka_engine.drop(client, database)
    space.drop_database(database)
    return drain


def drain_python_consumer(space: Workspace, topic: str, events: int) -> Drain:
    """Drain a topic with the consumer that most people write."""
    with ExitStack() as stack:
        client = stack.enter_context(closing(space.servers.client()))
        database, columns = _plain_table(space, client, "consumer")
        arguments = {
            "config": _plain_config(space) | {"group.id": f"bench_{database}"},
            "topic": topic,
            "partitions": PARTITIONS,
            "clickhouse": _client_arguments(space),
            "database": database,
            "columns": list(columns),
        }
        log = space.folder / f"{database}.log"
        command = stack.enter_context(
            started_command(
                "the Python consumer",
                ("-m", python_consumer.__name__),
                OWN_MODULES | {python_consumer.ARGUMENTS: json.dumps(arguments)},
                log,
            )
        )
        started_at = _when(lambda: _is_assigned(command))
        accounts = Accounts({**space.servers.process_groups, "worker": command.process_group})
        drain = watch(lambda: _count(client, database), events, started_at, accounts, command.check_alive)
        _finish(space, client, database, drain, accounts, events)
    space.drop_database(database)
    return drain


def _plain_table(space: Workspace, client: Client, role: str) -> tuple[str, dict[str, str]]:
    """A new database with the documented table and nothing else, without the columns that only we need."""
    database = space.database(f"{role}_{time.monotonic_ns()}")
    source = load_project(EXAMPLE_PROJECT, environment={}).data_sources["events"]
    columns = {column.name: column.type.text for column in source.columns if column.type is not None}
    assert source.engine is not None
    listed = ", ".join(f"{identifier(name)} {kind}" for name, kind in columns.items())
    client.command(f"CREATE DATABASE {identifier(database)}")
    client.command(
        f"CREATE TABLE {identifier(database)}.events ({listed}) ENGINE = MergeTree"
        f" PARTITION BY {source.engine.partition_key} ORDER BY ({source.engine.sorting_key})"
    )
    return database, columns


def _finish(space: Workspace, client: Client, database: str, drain: Drain, accounts: Accounts, events: int) -> None:
    _settle(space, database)
    drain.cpu_micros = accounts.micros_each(events)
    rows, ids = client.query(f"SELECT count(), uniqExact(event_id) FROM {identifier(database)}.events").result_rows[0]
    _verify(int(rows), int(ids))


def _settle(space: Workspace, database: str) -> None:
    if space.servers.is_engine_embedded:
        return  # nobody may ask another process's engine what it merges
    with closing(space.servers.client()) as client:
        sql = "SELECT count() FROM system.merges WHERE database = {database:String}"
        wait_for_merges(lambda: int(client.query(sql, parameters={"database": database}).result_rows[0][0]))


def _count(client: Client, database: str) -> int:
    return int(client.query(f"SELECT count() FROM {identifier(database)}.events").result_rows[0][0])


def _is_assigned(command: Command) -> bool:
    command.check_alive()
    return python_consumer.ASSIGNED in command.log.read_text(errors="replace").splitlines()


def _when(is_so: Callable[[], bool]) -> float:
    give_up = time.monotonic() + _ASSIGN_SECONDS
    while not is_so():
        if time.monotonic() > give_up:
            raise BenchError(f"it got no partitions within {_ASSIGN_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)
    return time.monotonic()


def _plain_config(space: Workspace) -> dict[str, Any]:
    return {name: value for name, value in space.servers.kafka_config().items() if isinstance(value, str)}


def _client_arguments(space: Workspace) -> dict[str, Any]:
    settings = space.servers.settings
    parts = urlsplit(settings.clickhouse_url or "")
    return {
        "host": parts.hostname,
        "port": parts.port,
        "interface": parts.scheme,
        "username": settings.clickhouse_user,
        "password": settings.clickhouse_password.get_secret_value(),
    }
