"""The query API against a real ClickHouse and a real Kafka."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, TopicPartition

from query_api.app import create_app
from query_api.observing.observations import Observation
from query_api.observing.requests import RequestEnded
from query_api.settings import QueryApiSettings
from service.settings import load_settings
from tests.integration.questions.asked_api import HEADERS, SECRET, Api, StartApi, project


@pytest.fixture
async def start_api(
    kafka: str, clickhouse: Any, clickhouse_client: Client, database: str, unique_name: str
) -> AsyncIterator[StartApi]:
    clickhouse_client.command(f"CREATE DATABASE {database}")
    clickhouse_client.command(f"CREATE TABLE {database}.events (kind String) ENGINE = MergeTree ORDER BY kind")
    clickhouse_client.command(
        f"CREATE TABLE {database}.events_quarantine (c__error_column Array(String), c__error Array(String), "
        "__value String, __topic String, __partition Int32, "
        "__offset Int64, __timestamp DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY __offset"
    )
    clients: list[TestClient[web.Request, web.Application]] = []

    async def start(**settings: str) -> Api:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka,
            "CLICKHOUSE_URL": clickhouse.url,
            "CLICKHOUSE_USER": clickhouse.user,
            "CLICKHOUSE_PASSWORD": clickhouse.password,
            "CLICKHOUSE_DATABASE": database,
            "BIRDHOUSE_SECRET": SECRET,
        }
        for name, value in settings.items():
            environment[name.upper() if name == "clickhouse_url" else f"BIRDHOUSE_API_{name.upper()}"] = value
        observed: list[Observation] = []
        app = create_app(
            load_settings(QueryApiSettings, environment),
            environment={},
            project=project(unique_name),
            observer=observed.append,
        )
        server = TestServer(app)
        await server.start_server(auto_decompress=False)
        client = TestClient(server)
        clients.append(client)
        return Api(client, observed, unique_name)

    yield start
    for client in clients:
        await client.close()


@pytest.fixture
async def api(start_api: StartApi) -> Api:
    return await start_api()


async def until(is_true: Callable[[], Awaitable[object]]) -> None:
    """Ask until the answer is yes, for 5 s at most."""
    async with asyncio.timeout(5):
        while not await is_true():  # noqa: ASYNC110 -- servers are asked: no event of ours tells
            await asyncio.sleep(0.02)


async def gone(client: Client, query_id: str) -> None:
    """Wait until a query is not running any more."""

    async def is_gone() -> bool:
        return not await running(client, query_id)

    await until(is_gone)


async def running(client: Client, query_id: str) -> bool:
    question = "SELECT count() FROM system.processes WHERE query_id = {id:String}"
    answer = await asyncio.to_thread(client.query, question, parameters={"id": query_id})
    return answer.result_rows != [(0,)]


async def test_every_format_answers(api: Api) -> None:
    body = await (await api.get("numbers.json", start="5")).json()
    assert body["data"] == [{"number": number, "text": str(number)} for number in (5, 6, 7)]
    assert [column["type"] for column in body["meta"]] == ["UInt64", "String"]
    assert body["rows"] == 3
    lines = (await (await api.get("numbers.ndjson")).text()).splitlines()
    assert [json.loads(line)["number"] for line in lines] == [0, 1, 2]
    rows = list(csv.reader(io.StringIO(await (await api.get("numbers.csv")).text())))
    assert rows == [["number", "text"], ["0", "0"], ["1", "1"], ["2", "2"]]
    parquet = await (await api.get("numbers.parquet")).read()
    assert (parquet[:4], parquet[-4:]) == (b"PAR1", b"PAR1")


async def test_values_look_as_callers_expect_them(api: Api) -> None:
    text = await (await api.get("values.ndjson")).text()
    assert text == '{"big":18446744073709551615,"not_a_number":null,"slash":"a\\/b"}\n'
    quoted = await (await api.get("values.ndjson", output_format_json_quote_64bit_integers="1")).text()
    assert json.loads(quoted)["big"] == "18446744073709551615"


@pytest.mark.parametrize(
    "text", ["' OR 1=1 --", "back\\slash\\n", "nul\0nul", "line\r\nbreak\ttab", "🦉é%", "{p1:String}"]
)
async def test_text_is_read_back_unchanged_by_url_form_and_json(api: Api, text: str) -> None:
    path = "/v0/pipes/echo.json"
    calls = [
        api.client.get(path, params={"text": text}, headers=HEADERS),
        api.client.post(path, data={"text": text}, headers=HEADERS),
        api.client.post(path, json={"text": text}, headers=HEADERS),
    ]
    for call in calls:
        assert (await (await call).json())["data"] == [{"text": text}]


async def test_an_answer_of_many_megabytes_streams(api: Api) -> None:
    response = await api.get("numbers.ndjson", count="300000")
    lines = (await response.read()).splitlines()
    assert len(lines) == 300_000
    assert json.loads(lines[-1])["number"] == 299_999


async def test_a_query_that_fails_after_rows_is_still_400_while_the_answer_is_small(api: Api) -> None:
    response = await api.get("fails_late.ndjson")
    assert (response.status, response.headers["X-DB-Exception-Code"]) == (400, "395")
    error = (await response.json())["error"]
    assert "SELECT" not in error
    assert "version" not in error


async def test_a_query_that_fails_on_its_way_breaks_the_connection(api: Api) -> None:
    response = await api.get("breaks.ndjson")
    assert response.status == 200
    with pytest.raises(aiohttp.ClientPayloadError):
        await response.read()


async def test_a_query_over_its_time_is_408(start_api: StartApi) -> None:
    api = await start_api(max_execution_seconds="0.5")
    response = await api.get("slow.json")
    assert response.status == 408
    assert "`BIRDHOUSE_API_MAX_EXECUTION_SECONDS`" in (await response.json())["error"]


async def test_a_result_over_its_size_is_413(start_api: StartApi) -> None:
    api = await start_api(max_result_rows="10")
    response = await api.get("numbers.json", count="11")
    assert response.status == 413
    assert "`10 rows`" in (await response.json())["error"]


async def test_a_table_that_is_not_deployed_says_so(api: Api) -> None:
    response = await api.get("missing_table.json")
    assert response.status == 400
    assert "`birdhouse deploy --check`" in (await response.json())["error"]


async def test_a_caller_who_leaves_stops_the_query(api: Api, clickhouse_client: Client) -> None:
    asking = asyncio.create_task(api.get("slow.json"))
    question = "SELECT query_id FROM system.processes WHERE query LIKE {text:String} AND query_id != queryID()"
    found: list[str] = []

    async def is_found() -> bool:
        parameters = {"text": "SELECT count() FROM numbers(100000000000)%"}
        answer = await asyncio.to_thread(clickhouse_client.query, question, parameters=parameters)
        found.extend(row[0] for row in answer.result_rows)
        return bool(found)

    await until(is_found)
    asking.cancel()
    await gone(clickhouse_client, found[0])


async def test_a_caller_who_leaves_a_stream_stops_the_query(start_api: StartApi, clickhouse_client: Client) -> None:
    api = await start_api(max_result_bytes="0")
    response = await api.get("endless.ndjson")
    await response.content.readany()
    query_id = response.headers["X-Request-Id"]
    assert await running(clickhouse_client, query_id)
    response.close()
    await gone(clickhouse_client, query_id)


async def test_events_reach_the_topic_and_waiting_ends_with_the_commit(
    api: Api, kafka: str, clickhouse_client: Client, database: str
) -> None:
    path = "/v0/events?name=events&wait=true"
    body = b'{"kind":"a"}\nbroken\n{"kind":"b"}'
    sending = asyncio.create_task(api.client.post(path, data=body, headers=HEADERS))
    config = {"bootstrap.servers": kafka, "group.id": api.topic, "auto.offset.reset": "earliest"}
    consumer = Consumer(config | {"enable.auto.commit": False})
    consumer.subscribe([api.topic])
    messages: list[Any] = []
    async with asyncio.timeout(60):
        while len(messages) < 3:
            messages += await asyncio.to_thread(consumer.consume, 10, 0.2)
            messages = [message for message in messages if message.error() is None]
    assert sorted(message.value() for message in messages) == [b"broken", b'{"kind":"a"}', b'{"kind":"b"}']
    assert not sending.done()
    bad = next(message for message in messages if message.value() == b"broken")
    moment = datetime.fromtimestamp(bad.timestamp()[1] / 1000, UTC)
    row = [["__value"], ["no JSON"], "broken", api.topic, bad.partition(), bad.offset(), moment]
    other = [["a"], ["another's"], '{"kind":"a"}', api.topic, bad.partition(), bad.offset() + 100, moment]
    # As left by a topic of the same name that was deleted.
    older = [
        ["a"],
        ["another's"],
        '{"kind":"a"}',
        api.topic,
        bad.partition(),
        bad.offset() + 1,
        moment - timedelta(minutes=1),
    ]
    clickhouse_client.insert("events_quarantine", [row, row, other, older], database=database)
    ends = [TopicPartition(api.topic, message.partition(), message.offset() + 1) for message in messages]
    latest = {end.partition: end for end in sorted(ends, key=lambda end: end.offset)}
    await asyncio.to_thread(consumer.commit, offsets=list(latest.values()), asynchronous=False)
    response = await sending
    assert (response.status, await response.json()) == (
        200,
        {
            "successful_rows": 2,
            "quarantined_rows": 1,
            "errors": [{"document": 2, "column": "__value", "reason": "no JSON"}],
        },
    )
    partitions = consumer.list_topics(api.topic).topics[api.topic].partitions
    assert len(partitions) == 6
    await asyncio.to_thread(consumer.close)


async def test_many_events_are_acknowledged(api: Api) -> None:
    body = b"\n".join(b'{"kind":"k%d"}' % number for number in range(5_000))
    response = await api.client.post("/v0/events?name=events", data=body, headers=HEADERS)
    assert (response.status, await response.json()) == (202, {"successful_rows": 5_000, "quarantined_rows": 0})


async def test_an_event_that_kafka_takes_not_is_413(api: Api) -> None:
    # Random text, so that compression cannot bring it below the topic's limit of a megabyte.
    body = io.BytesIO(json.dumps({"kind": secrets.token_hex(1_500_000)}).encode())
    response = await api.client.post("/v0/events?name=events", data=body, headers=HEADERS)
    assert response.status == 413
    assert "`max.message.bytes`" in (await response.json())["error"]


async def test_rows_read_are_observed(api: Api) -> None:
    assert (await api.get("numbers.json")).status == 200
    seen = [observation for observation in api.observed if isinstance(observation, RequestEnded)]
    assert [(each.resource, each.status, each.rows_read) for each in seen] == [("numbers", 200, 3)]


async def test_a_server_that_is_not_there_is_503(start_api: StartApi, unused_tcp_port: int) -> None:
    api = await start_api(clickhouse_url=f"http://127.0.0.1:{unused_tcp_port}")
    response = await api.get("numbers.json")
    assert (response.status, response.headers["Retry-After"]) == (503, "1")
    assert (await response.json())["error"] == "ClickHouse cannot be reached: connection refused"
