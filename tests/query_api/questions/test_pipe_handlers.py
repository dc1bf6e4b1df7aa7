"""Pipes over HTTP: call forms, formats, values, and what is refused before anything is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from query_api.ids import resource_id
from tests.query_api.asking import error_of
from tests.query_api.fakes import Api

TOP = "/v0/pipes/top.json"


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


async def test_tokens_open_what_their_scopes_say(api: Api) -> None:
    assert (await api.client.get(TOP, headers=api.token("board"))).status == 200
    for headers in ({}, {"Authorization": "Bearer p.wrong"}, api.token("app"), api.token("nobody")):
        response = await api.client.get(TOP, headers=headers)
        assert response.status == 403
        assert "p." not in await error_of(response)
    assert len(api.executor.questions) == 1
