"""The servers that the API talks to, behind protocols, and how the real ones are reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.engine.execute import Executor
from query_api.events.committed import CommittedOffsets, KafkaCommittedOffsets
from query_api.events.notifying_producer import NotifyingProducer, OnDelivered
from query_api.events.producer import EventProducer, KafkaProducer
from query_api.events.topics import KafkaTopics, Topics
from query_api.observing.observations import Observer
from query_api.settings import QueryApiSettings
from schemas.model import Connection
from service.errors import SettingProblem, SettingsError
from service.kafka.config import client_config


@dataclass(frozen=True, slots=True)
class Servers:
    """What answers queries, what takes events, and what tells how far they have come."""

    executor: Executor
    producer: EventProducer
    topics: Topics
    committed: CommittedOffsets


def connect(
    settings: QueryApiSettings,
    environment: Mapping[str, str],
    observe: Observer,
    *,
    connection: Connection | None = None,
    executor: Executor | None = None,
    on_delivered: OnDelivered | None = None,
) -> Servers:
    """The servers of the settings; nothing is asked of them yet. A given `executor` takes ClickHouse's place, and
    `on_delivered` is told of each delivery of events.

    `connection` is where the brokers are when the environment does not say it.

    Raises `SettingsError`. To be called on the event loop's thread.
    """
    if executor is None:
        executor = HttpExecutor(_clickhouse(settings), connections=settings.max_queries + 4)
    kafka = client_config(settings, environment, connection=connection)
    producer = KafkaProducer(
        kafka,
        observe,
        buffered_bytes=settings.max_buffered_bytes,
        delivery_seconds=settings.delivery_seconds,
    )
    return Servers(
        executor=executor,
        producer=producer if on_delivered is None else NotifyingProducer(producer, on_delivered),
        topics=KafkaTopics(kafka),
        committed=KafkaCommittedOffsets(kafka),
    )


def _clickhouse(settings: QueryApiSettings) -> ClickHouseServer:
    if settings.clickhouse_url is None:
        hint = "ClickHouse's HTTP interface, for example `http://localhost:8123`"
        raise SettingsError([SettingProblem("CLICKHOUSE_URL", "is needed and not set", hint)])
    return ClickHouseServer.of(settings)
