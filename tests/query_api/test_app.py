"""Pipes over HTTP: call forms, formats, errors, limits and what is observed of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from prometheus_client import generate_latest

from query_api.app import STATE, create_admin, create_app
from query_api.errors import BrokenAnswer, QueryRefused, Unavailable
from query_api.ids import resource_id
from query_api.observing.health import Health, Watched
from query_api.observing.observations import Observation, to_all
from query_api.observing.requests import AnswerBroken, RequestCrashed, RequestEnded
from query_api.observing.servers import ServerFound
from query_api.settings import QueryApiSettings
from query_api.web.middleware import answer_errors
from service.errors import SettingsError
from service.settings import load_settings
from tests.query_api.fakes import PROJECT, Api, StartApi, until

TOP = "/v0/pipes/top.json"


def ended(api: Api) -> RequestEnded:
    found = [observation for observation in api.observed if isinstance(observation, RequestEnded)]
    return found[-1]


async def error_of(response: aiohttp.ClientResponse) -> str:
    body = json.loads(await response.read())
    assert response.content_type == "application/json"
    assert set(body) == {"error", "documentation"}
    return str(body["error"])


async def test_an_answer_is_the_engines_bytes(api: Api) -> None:
    api.executor.body = b'{"data":[{"a":"\xff raw"}]}'
    response = await api.client.get(TOP, headers=api.token())
    assert (response.status, await response.read()) == (200, api.executor.body)
    assert response.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["X-Request-Id"] == api.executor.questions[0].query_id


@pytest.mark.parametrize(
    ("extension", "name", "content_type"),
    [
        ("json", "JSON", "application/json"),
        ("ndjson", "JSONEachRow", "application/x-ndjson"),
        ("csv", "CSVWithNames", "text/csv"),
        ("csvwithnames", "CSVWithNames", "text/csv"),
        ("parquet", "Parquet", "application/octet-stream"),
        ("prometheus", "Prometheus", "text/plain"),
    ],
)
async def test_each_extension_is_a_clickhouse_format(api: Api, extension: str, name: str, content_type: str) -> None:
    response = await api.client.get(f"/v0/pipes/top.{extension}", headers=api.token())
    assert response.content_type == content_type
    assert api.executor.questions[0].format == name


@pytest.mark.parametrize("extension", ["csv", "csvwithnames"])
async def test_the_csv_header_can_be_left_out(api: Api, extension: str) -> None:
    response = await api.client.get(f"/v0/pipes/top.{extension}?__tb__csv_header=0", headers=api.token())
    assert response.headers["Content-Type"] == "text/csv; charset=UTF-8; header=absent"
    assert api.executor.questions[0].format == "CSV"


@pytest.mark.parametrize(
    "call",
    [
        lambda client, headers: client.get(TOP, params={"kind": "it's", "limit": "7"}, headers=headers),
        lambda client, headers: client.post(TOP, params={"limit": "7"}, data={"kind": "it's"}, headers=headers),
        lambda client, headers: client.post(TOP, json={"kind": "it's", "limit": 7}, headers=headers),
    ],
    ids=["query string", "form", "json"],
)
async def test_values_are_bound_whatever_way_they_come(api: Api, call: Callable[..., Any]) -> None:
    assert (await call(api.client, api.token())).status == 200
    query = api.executor.questions[0].query
    assert sorted(query.parameters.values()) == ["7", "it's"]
    assert "it's" not in query.sql


async def test_the_token_may_be_a_parameter_and_tools_parameters_are_ignored(api: Api) -> None:
    token = api.token()["Authorization"].removeprefix("Bearer ")
    noise = {"token": token, "cli_version": "5", "__tb__semver": "1", "from": "cli", "tag": "x", "unknown": "y"}
    response = await api.client.get(TOP, params=noise)
    assert response.status == 200
    assert not {token, "cli", "x", "y"} & set(api.executor.questions[0].query.parameters.values())


async def test_a_setting_parameter_reaches_the_engine(api: Api) -> None:
    await api.client.get(f"{TOP}?output_format_json_quote_64bit_integers=1", headers=api.token())
    assert api.executor.questions[0].settings == {"output_format_json_quote_64bit_integers": "1"}


async def test_a_wrong_value_is_400_and_names_the_parameter(api: Api) -> None:
    response = await api.client.get(f"{TOP}?limit=abc", headers=api.token())
    assert response.status == 400
    text = await error_of(response)
    assert "limit" in text
    assert "abc" in text
    assert api.executor.questions == []


async def test_errors_of_a_pipes_author_come_verbatim(api: Api) -> None:
    response = await api.client.get("/v0/pipes/picky.json", headers=api.token())
    assert (response.status, await error_of(response)) == (400, "day is required")
    response = await api.client.get("/v0/pipes/odd.json", headers=api.token())
    assert (response.status, await response.json()) == (418, {"error_id": "teapot", "error": "short"})


async def test_a_value_over_the_limit_is_413_and_names_the_limit(api: Api) -> None:
    response = await api.client.post(TOP, data={"kind": "x" * 131_073}, headers=api.token())
    assert response.status == 413
    assert await error_of(response) == "the parameter `kind` is 131073 bytes long; ClickHouse takes at most `131072`"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v0/pipes/nothing.json", 404, "The pipe 'nothing' does not exist"),
        ("/v0/pipes/top.xml", 404, "followed by one of `.json`"),
        ("/v0/pipes/nothing", 404, "Pipe 'nothing' not found"),
        ("/v1/anything", 404, "nothing at `/v1/anything`"),
    ],
)
async def test_what_is_not_there_is_404(api: Api, path: str, status: int, words: str) -> None:
    response = await api.client.get(path, headers=api.token())
    assert response.status == status
    assert words in await error_of(response)


@pytest.mark.parametrize(
    ("name", "words"),
    [("plain", "`TYPE endpoint`"), ("filling", "materialized"), ("copying", "is a copy"), ("sinking", "is a sink")],
)
async def test_a_pipe_without_an_endpoint_is_told_as_one(api: Api, name: str, words: str) -> None:
    for path in (f"/v0/pipes/{name}.json", f"/v0/pipes/{resource_id(name)}.csv", f"/v0/pipes/{name}/explain"):
        response = await api.client.get(path, headers=api.token())
        text = await error_of(response)
        assert (response.status, "does not exist" in text) == (404, False)
        assert f"The pipe '{name}' has no endpoint" in text
        assert words in text
        # Who may not read it learns no more of it than of any other.
        response = await api.client.get(path, headers=api.token("board"))
        assert (response.status, words in await error_of(response)) == (403, False)


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("POST", "/v0/pipes/top/copy", 404, "copies, sinks and populations do not run"),
        ("POST", "/v0/datasources?name=a&mode=create", 405, "`birdhouse deploy`"),
        ("POST", "/v0/datasources/events/truncate", 404, "`birdhouse deploy`"),
        ("POST", "/v1/datasources/events/append", 404, "`birdhouse deploy`"),
        ("DELETE", "/v0/pipes/top", 405, "`birdhouse deploy`"),
        ("POST", "/v1/deploy/?check=true", 404, "`birdhouse deploy`"),
        ("GET", "/v0/jobs/", 404, "`birdhouse deploy`"),
        ("GET", "/v0/tokens", 405, "`birdhouse tokens`"),
        ("GET", "/v0/variables", 404, "`BIRDHOUSE_SECRET_…`"),
        ("GET", "/v0/sql_format?q=SELECT 1", 404, "`/v0/sql`"),
    ],
)
async def test_what_is_not_supported_is_told_as_that(api: Api, method: str, path: str, status: int, words: str) -> None:
    response = await api.client.request(method, path, headers=api.token())
    text = await error_of(response)
    assert (response.status, "not supported here" in text, words in text) == (status, True, True), text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
async def test_other_methods_are_405_and_told_what_is_allowed(api: Api, method: str) -> None:
    response = await api.client.request(method, TOP, headers=api.token())
    assert response.status == 405
    assert response.headers["Allow"] == "GET, OPTIONS, POST"


async def test_a_browser_may_ask_from_anywhere(api: Api) -> None:
    response = await api.client.options(TOP)
    assert (response.status, await response.read()) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert {"Authorization", "Content-Type"} <= set(response.headers["Access-Control-Allow-Headers"].split(", "))


@pytest.mark.parametrize("path", [TOP, "/v0/events", "/v0/sql/", "/nothing"])
async def test_a_browser_may_send_the_headers_that_it_asks_for(api: Api, path: str) -> None:
    asked = {
        "Origin": "https://blog.example",
        "Access-Control-Request-Headers": "x-site-uuid,content-type, x-b, b\u00e4d, a b",
    }
    response = await api.client.options(path, headers={**asked, "Access-Control-Request-Method": "POST"})
    assert response.status == 204
    allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
    assert allowed == ["Authorization", "Content-Type", "Content-Encoding", "x-site-uuid", "x-b"]
    assert response.headers["Vary"] == "Access-Control-Request-Headers"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v0/pipes"), ("GET", "/v0/pipes?attrs=id"), ("GET", "/v0/pipes/top"), ("GET", "/v0/pipes/top.pipe"),
        ("GET", "/v1/pipes/top.pipe"), ("GET", "/v0/pipes/top.json?limit=7"), ("POST", "/v0/pipes/top.csv?limit=7"),
        ("GET", "/v0/pipes/openapi.json"), ("GET", "/v0/datasources"), ("GET", "/v0/datasources/events"),
        ("GET", "/v0/datasources/events.datasource"), ("GET", "/v0/sql?q=DROP"), ("POST", "/v0/sql?q=DROP"),
        ("POST", "/v0/events?name=events"), ("POST", "/v0/tokens?name=a"), ("GET", "/docs"), ("PUT", "/v0/pipes"),
    ],
)  # fmt: skip
async def test_a_slash_at_the_end_changes_nothing(api: Api, method: str, path: str) -> None:
    api.executor.body = b""
    with_slash = path.replace("?", "/?") if "?" in path else f"{path}/"
    answers = []
    for each in (path, with_slash):
        response = await api.client.request(
            method, each, data=b"{}" if method == "POST" else None, headers=api.token(), allow_redirects=False
        )
        answers.append((response.status, response.headers["Content-Type"], await response.read()))
    assert answers[0] == answers[1]
    assert answers[0][0] not in (301, 308, 404)
    if "limit" in path:
        assert [question.query.parameters["p2"] for question in api.executor.questions] == ["7", "7"]


async def test_tokens_open_what_their_scopes_say(api: Api) -> None:
    assert (await api.client.get(TOP, headers=api.token("board"))).status == 200
    for headers in ({}, {"Authorization": "Bearer p.wrong"}, api.token("app"), api.token("nobody")):
        response = await api.client.get(TOP, headers=headers)
        assert response.status == 403
        assert "p." not in await error_of(response)
    assert len(api.executor.questions) == 1


async def test_the_engines_refusal_is_passed_on_with_its_code(api: Api) -> None:
    api.executor.error = QueryRefused("no such column", 47)
    response = await api.client.get(TOP, headers=api.token())
    assert (response.status, response.headers["X-DB-Exception-Code"]) == (400, "47")
    assert await error_of(response) == "no such column"


async def test_an_unreachable_engine_is_503_with_a_time_to_come_back(api: Api) -> None:
    api.executor.error = Unavailable("ClickHouse cannot be reached", retry_after=7)
    response = await api.client.get(TOP, headers=api.token())
    assert (response.status, response.headers["Retry-After"]) == (503, "7")


async def test_a_defect_shows_its_request_id_and_nothing_else(api: Api) -> None:
    api.executor.error = KeyError("secret internals")
    response = await api.client.get(TOP, headers=api.token())
    text = await error_of(response)
    assert response.status == 500
    assert "secret" not in text
    assert response.headers["X-Request-Id"] in text
    crash = next(observation for observation in api.observed if isinstance(observation, RequestCrashed))
    assert crash.request_id == response.headers["X-Request-Id"]
    assert crash.error is api.executor.error


async def test_a_long_answer_streams_to_its_end(api: Api) -> None:
    api.executor.chunks = [b"a" * 100_000, b"b" * 100_000]
    response = await api.client.get("/v0/pipes/top.ndjson", headers=api.token())
    assert await response.read() == b"a" * 100_000 + b"b" * 100_000


async def test_a_stream_that_fails_breaks_the_connection(api: Api) -> None:
    api.executor.chunks = [b"rows", BrokenAnswer("it failed", 395)]
    response = await api.client.get("/v0/pipes/top.ndjson", headers=api.token())
    assert response.status == 200
    with pytest.raises(aiohttp.ClientPayloadError):
        await response.read()
    broken = [observation for observation in api.observed if isinstance(observation, AnswerBroken)]
    assert [(each.code, each.error) for each in broken] == [(395, "it failed")]


async def test_a_caller_who_leaves_cancels_the_query(api: Api) -> None:
    api.executor.gate = asyncio.Event()
    asking = asyncio.create_task(api.client.get(TOP, headers=api.token()))
    await until(lambda: bool(api.executor.questions))
    asking.cancel()
    await until(lambda: api.executor.was_cancelled)
    await until(lambda: any(isinstance(each, RequestEnded) for each in api.observed))
    assert ended(api).status == 499


async def test_more_queries_than_slots_and_queue_are_503(start_api: StartApi) -> None:
    api = await start_api(max_queries=1, max_queued=1)
    api.executor.gate = asyncio.Event()
    first = asyncio.create_task(api.client.get(TOP, headers=api.token()))
    await until(lambda: len(api.executor.questions) == 1)
    second = asyncio.create_task(api.client.get(TOP, headers=api.token()))
    await until(lambda: "birdhouse_api_queries_waiting 1.0" in metrics_of(api))
    third = await api.client.get(TOP, headers=api.token())
    assert (third.status, third.headers["Retry-After"]) == (503, "1")
    assert "`BIRDHOUSE_API_MAX_QUEUED`" in await error_of(third)
    # No work goes into what is refused anyway: not even its parameters are looked at.
    broken = await api.client.post(TOP, headers=api.token(), data=b"{")
    sql = await api.client.get("/v0/sql", headers=api.token())
    assert (broken.status, sql.status) == (503, 503)
    assert (await api.client.get(TOP, headers={"Authorization": "Bearer nobody"})).status == 403
    api.executor.gate.set()
    assert [(await first).status, (await second).status] == [200, 200]


def metrics_of(api: Api) -> str:
    return generate_latest(api.app[STATE].registry).decode()


async def test_the_limits_of_the_settings_hold_for_every_query(start_api: StartApi) -> None:
    api = await start_api(max_execution_seconds=3, max_result_rows=5)
    await api.client.get(TOP, headers=api.token())
    assert api.executor.questions[0].limits.execution_seconds == 3
    assert api.executor.questions[0].limits.result_rows == 5


async def test_a_request_is_observed_once_without_its_token(api: Api) -> None:
    token = api.token("board")["Authorization"].removeprefix("Bearer ")
    response = await api.client.get(f"{TOP}?token={token}&kind=x")
    seen = ended(api)
    assert (seen.method, seen.route, seen.resource, seen.format) == ("GET", "pipe", "top", "json")
    assert (seen.status, seen.token, seen.rows_read, seen.bytes_read) == (200, "board", 12, 345)
    assert seen.request_id == response.headers["X-Request-Id"]
    assert token not in repr(api.observed)
    text = metrics_of(api)
    assert 'birdhouse_api_requests_total{resource="top",route="pipe",status="200"} 1.0' in text
    assert 'birdhouse_api_rows_read_total{resource="top"} 12.0' in text


async def test_an_answer_does_not_wait_for_its_log_line() -> None:
    observed: list[Observation] = []
    middleware = answer_errors(observed.append, max_body_bytes=1)

    async def handler(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response()

    await middleware(make_mocked_request("GET", "/"), handler)
    assert not observed
    await asyncio.sleep(0)
    assert [type(each) for each in observed] == [RequestEnded]


async def test_unknown_names_make_no_series(api: Api) -> None:
    await api.client.get("/v0/pipes/made_up.json", headers=api.token())
    assert "made_up" not in metrics_of(api)


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
