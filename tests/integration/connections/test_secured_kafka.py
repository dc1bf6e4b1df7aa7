"""The API on a broker that lets each user do only what it was allowed, and on topics that do not take everything."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.cimpl import NewTopic

from query_api.access.auth import derive_token
from query_api.app import create_admin, create_app
from query_api.servers import connect
from query_api.settings import QueryApiSettings
from schemas.model import DataSource, Project
from service.settings import load_settings
from tests.query_api.fakes import PROJECT, SECRET, FakeExecutor, text_column
from tests.secured.secured_kafka import SecuredKafka

Answer = tuple[int, dict[str, Any]]


@dataclass
class SecuredApi:
    """An API whose data source has the name of a topic, as the user `app`."""

    broker: SecuredKafka
    topic: str
    api: TestClient[web.Request, web.Application]
    admin: TestClient[web.Request, web.Application]

    async def post(self, body: bytes) -> Answer:
        token = derive_token(SECRET.encode(), "admin")
        url = f"/v0/events?name={self.topic}"
        async with self.api.post(url, data=body, headers={"Authorization": f"Bearer {token}"}) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> Answer:
        async with self.admin.get(path) as response:
            return response.status, await response.json()

    async def until(self, is_true: Callable[[], Any], seconds: float = 20) -> None:
        give_up = time.monotonic() + seconds
        while not await is_true():
            assert time.monotonic() < give_up
            await asyncio.sleep(0.2)

    def make_topic(self, **config: str) -> None:
        made = self.broker.admin.create_topics([NewTopic(self.topic, num_partitions=1, config=config)])
        made[self.topic].result(15)

    def stored(self) -> list[bytes]:
        consumer = Consumer(self.broker.config("admin") | {"group.id": "tests", "enable.partition.eof": True})
        consumer.assign([TopicPartition(self.topic, 0, 0)])
        values = []
        while (message := consumer.poll(15)) is not None and message.error() is None:
            values.append(message.value() or b"")
        consumer.close()
        return values


@pytest.fixture
async def secured_api(secured: SecuredKafka, unique_name: str, aiohttp_server: Any, aiohttp_client: Any) -> SecuredApi:
    source = DataSource(unique_name, (text_column("kind"),))
    project: Project = replace(PROJECT, data_sources={unique_name: source}, pipes={})
    environment = {"BIRDHOUSE_SECRET": SECRET, **secured.environment("app")}
    settings = load_settings(QueryApiSettings, environment)
    app = create_app(
        settings,
        environment=environment,
        project=project,
        servers=lambda observe: connect(settings, environment, observe, executor=FakeExecutor()),
    )
    server: TestServer = await aiohttp_server(app, auto_decompress=False)
    return SecuredApi(secured, unique_name, await aiohttp_client(server), await aiohttp_client(create_admin(app)))


EVENTS = [b'{"kind":"%d","text":"%s"}' % (n, os.urandom(160).hex().encode()) for n in range(100)]


async def test_an_api_that_may_not_write_says_so_and_writes_as_soon_as_it_may(secured_api: SecuredApi) -> None:
    name, broker = secured_api.topic, secured_api.broker
    secured_api.make_topic()
    await asyncio.to_thread(broker.allow, "app", "topic", name, "DESCRIBE")

    async def is_refused() -> bool:
        status, body = await secured_api.get("/readyz")
        return status == 503 and "Cluster authorization failed" in str(body)

    async def is_told() -> bool:
        status, body = await secured_api.post(b'{"kind":"refused"}')
        assert status == 503
        return "Cluster authorization failed" in body["error"]

    await secured_api.until(is_refused)
    await secured_api.until(is_told)
    assert await secured_api.get("/livez") == (200, {"live": True})
    await asyncio.to_thread(broker.allow, "app", "topic", name, "WRITE")

    async def is_taken() -> bool:
        return (await secured_api.post(b'{"kind":"taken"}'))[0] == 202

    async def is_ready() -> bool:
        return (await secured_api.get("/readyz"))[0] == 200

    await secured_api.until(is_taken)
    await secured_api.until(is_ready)
    assert await asyncio.to_thread(secured_api.stored) == [b'{"kind":"taken"}']
    metrics = await (await secured_api.admin.get("/metrics")).text()
    failures = next(line for line in metrics.splitlines() if line.startswith("birdhouse_api_producer_failures_total"))
    assert float(failures.split()[1]) >= 1


async def test_a_topic_that_was_refused_is_written_to_once_the_right_is_back(secured_api: SecuredApi) -> None:
    name, broker = secured_api.topic, secured_api.broker
    secured_api.make_topic()
    rights = ("app", "topic", name, "DESCRIBE", "WRITE")
    await asyncio.to_thread(broker.allow, *rights)

    async def status() -> int:
        return (await secured_api.post(b"{}"))[0]

    async def is_taken() -> bool:
        return await status() == 202

    async def is_refused() -> bool:
        return await status() == 503

    await secured_api.until(is_taken)
    await asyncio.to_thread(broker.forbid, *rights)
    await secured_api.until(is_refused)
    # Long enough for the client to remember that the topic was refused.
    await asyncio.sleep(2)
    await secured_api.post(b"{}")
    await asyncio.to_thread(broker.allow, *rights)
    await secured_api.until(is_taken, seconds=10)


@pytest.mark.parametrize("may_describe", [True, False])
async def test_small_events_are_stored_in_batches_as_small_as_their_topic_takes(
    secured_api: SecuredApi, may_describe: bool
) -> None:
    secured_api.make_topic(**{"max.message.bytes": "2000"})
    rights = ("DESCRIBE", "WRITE") + (("DESCRIBE_CONFIGS",) if may_describe else ())
    await asyncio.to_thread(secured_api.broker.allow, "app", "topic", secured_api.topic, *rights)

    async def is_ready() -> bool:
        return (await secured_api.get("/readyz"))[0] == 200

    await secured_api.until(is_ready)
    assert await secured_api.post(b"\n".join(EVENTS)) == (202, {"successful_rows": 100, "quarantined_rows": 0})
    assert await asyncio.to_thread(secured_api.stored) == EVENTS


@pytest.mark.parametrize("count", [1, 3])
async def test_an_event_over_its_topics_limit_is_named_with_the_limit(secured_api: SecuredApi, count: int) -> None:
    secured_api.make_topic(**{"max.message.bytes": "2000"})
    rights = ("DESCRIBE", "WRITE", "DESCRIBE_CONFIGS")
    await asyncio.to_thread(secured_api.broker.allow, "app", "topic", secured_api.topic, *rights)

    async def is_taken() -> bool:
        return (await secured_api.post(b"{}"))[0] == 202

    await secured_api.until(is_taken)
    large = b'{"kind":"%s"}' % os.urandom(1000).hex().encode()
    status, body = await secured_api.post(b"\n".join([*EVENTS[: count - 1], large]))
    assert status == 413
    assert f"document {count} is {len(large)} bytes long, and its topic takes at most `1930`" in body["error"]
    largest = b'{"kind":"%s"}' % (os.urandom(960).hex().encode()[: 1930 - 11])
    assert (await secured_api.post(largest))[0] == 202
    assert len(await asyncio.to_thread(secured_api.stored)) == 2


@pytest.mark.parametrize("may_describe", [True, False])
async def test_a_compacted_topic_takes_no_events_and_the_answer_says_why(
    secured_api: SecuredApi, may_describe: bool
) -> None:
    secured_api.make_topic(**{"cleanup.policy": "compact"})
    rights = ("DESCRIBE", "WRITE") + (("DESCRIBE_CONFIGS",) if may_describe else ())
    await asyncio.to_thread(secured_api.broker.allow, "app", "topic", secured_api.topic, *rights)

    async def is_reached() -> bool:
        return (await secured_api.post(b"{}"))[0] != 503  # as long as the broker has not told of the topic everywhere

    await secured_api.until(is_reached)
    status, body = await secured_api.post(b"{}")
    assert status == 400
    assert "a compacted topic takes no message without a key" in body["error"]
    assert "`cleanup.policy`" in body["error"]
