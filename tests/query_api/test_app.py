"""The application's life: what it needs, whether it lives and is ready, and what it closes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from query_api.app import STATE, create_admin, create_app
from query_api.observing.health import Health, Watched
from query_api.observing.observations import Observation, to_all
from query_api.observing.servers import ServerFound
from query_api.settings import QueryApiSettings
from service.errors import SettingsError
from service.settings import load_settings
from tests.query_api.asking import metrics_of
from tests.query_api.fakes import PROJECT, Api, StartApi, until


async def test_readiness_says_what_is_missing(api: Api, aiohttp_client: Any) -> None:
    admin = await aiohttp_client(create_admin(api.app))
    await until(lambda: not api.app[STATE].health.reasons())
    assert (await admin.get("/readyz")).status == 200
    api.app[STATE].health.is_stopping = True
    assert (await (await admin.get("/readyz")).json())["reasons"] == ["stopping"]
    status = await (await admin.get("/status")).json()
    assert status["pipes"] == ["odd", "picky", "top"]
    assert status["data_sources"] == ["events"]


async def test_a_producer_that_cannot_write_is_not_ready_and_one_that_nobody_serves_is_dead(
    api: Api, aiohttp_client: Any
) -> None:
    admin = await aiohttp_client(create_admin(api.app))
    await until(lambda: not api.app[STATE].health.reasons())
    api.broker.trouble = "Broker: Cluster authorization failed"
    answer = await admin.get("/readyz")
    assert (answer.status, (await answer.json())["reasons"]) == (
        503,
        ["Kafka takes no events from this API: Broker: Cluster authorization failed"],
    )
    assert (await admin.get("/livez")).status == 200
    api.broker.is_alive = False
    assert (await admin.get("/livez")).status == 503


async def test_a_health_check_that_nobody_makes_any_more_is_dead(api: Api, aiohttp_client: Any) -> None:
    admin = await aiohttp_client(create_admin(api.app))
    assert (await admin.get("/livez")).status == 200
    next(iter(api.app[STATE].health._tasks)).cancel()
    await asyncio.sleep(0)
    assert (await admin.get("/livez")).status == 503


async def test_a_health_check_that_fails_unexpectedly_is_told_counted_and_made_again(start_api: StartApi) -> None:
    api = await start_api()
    health = api.app[STATE].health
    await until(lambda: not health.reasons())
    looks = Health({"Kafka": Watched("here", api.broker.refresh)}, api.app[STATE].observe, interval=0)
    looks.start()
    await until(lambda: not looks.reasons())
    api.broker.error = RuntimeError("can't start new thread")
    await until(lambda: bool(looks.reasons()))
    assert looks.reasons() == ["Kafka: the last look at it failed unexpectedly, the log has it"]
    assert looks.is_alive
    api.broker.error = None
    await until(lambda: not looks.reasons())
    await looks.stop()
    assert 'birdhouse_api_background_failures_total{task="looking at Kafka"}' in metrics_of(api)


async def test_an_observer_that_fails_ends_nothing(api: Api) -> None:
    def fail(observation: Observation) -> None:
        raise ValueError(observation)

    seen: list[Observation] = []
    to_all(fail, seen.append)(ServerFound("Kafka"))
    assert seen == [ServerFound("Kafka")]


async def test_stopping_closes_what_was_opened(api: Api) -> None:
    await api.client.close()
    assert api.executor.is_closed
    assert api.broker.is_closed


async def test_without_a_secret_nothing_starts() -> None:
    with pytest.raises(SettingsError, match="`BIRDHOUSE_SECRET`: is needed and not set"):
        create_app(load_settings(QueryApiSettings, {}), environment={}, project=PROJECT)
