"""The OpenAPI document over HTTP, and its page."""

from __future__ import annotations

import time

import jwt
from openapi_spec_validator import validate

from query_api.access.auth import derive_token
from query_api.errors import QueryRefused
from tests.query_api.asking import get
from tests.query_api.fakes import SECRET, Api


async def test_the_document_is_valid_and_holds_what_the_token_may_use(api: Api) -> None:
    api.executor.body = b'{"name":"kind","type":"String"}\n'
    whole = await get(api, "/v0/pipes/openapi.json")
    validate(whole)
    pipes = {f"/v0/pipes/{name}.{form}" for name in ("top", "picky", "odd") for form in ("json", "{format}")}
    assert set(whole["paths"]) == pipes | {"/v0/sql", "/v0/events"}
    board = await get(api, "/v0/pipes/openapi.json", "board")
    assert set(board["paths"]) == {"/v0/pipes/top.json", "/v0/pipes/top.{format}", "/v0/sql"}
    assert set(board["components"]["schemas"]) == {"Error", "top_row", "top_answer", "sql_answer"}
    assert set((await get(api, "/v0/pipes/openapi.json", "app"))["paths"]) == {"/v0/events"}


async def test_rows_have_the_columns_that_clickhouse_describes(api: Api) -> None:
    api.executor.body = b'{"name":"kind","type":"LowCardinality(String)"}\n{"name":"n","type":"UInt64"}\n'
    schemas = (await get(api, "/v0/pipes/openapi.json"))["components"]["schemas"]
    kind, number = {"type": "string", "description": "LowCardinality(String)"}, {"type": "integer"}
    number["description"] = "UInt64"
    assert schemas["top_row"] == {
        "type": "object",
        "properties": {"kind": kind, "n": number},
        "required": ["kind", "n"],
        "additionalProperties": True,
    }
    # Its template always calls custom_error(), so there is no query to describe.
    assert schemas["odd_row"]["additionalProperties"] is True
    assert "properties" not in schemas["odd_row"]
    asked = [each.query for each in api.executor.questions]
    assert all(each.sql.startswith("DESCRIBE (") for each in asked)
    assert {each.parameters.get("p1") for each in asked} == {"all", None}
    api.executor.questions.clear()
    await get(api, "/v0/pipes/openapi.json")
    assert api.executor.questions == []


async def test_rows_are_open_when_clickhouse_cannot_describe_them(api: Api) -> None:
    api.executor.error = QueryRefused("Unknown table", 60)
    document = await get(api, "/v0/pipes/openapi.json")
    validate(document)
    assert document["components"]["schemas"]["top_row"]["additionalProperties"] is True
    assert "could not tell" in document["components"]["schemas"]["top_row"]["description"]


async def test_an_own_error_of_a_pipe_is_in_the_document(api: Api) -> None:
    api.executor.body = b""
    paths = (await get(api, "/v0/pipes/openapi.json"))["paths"]
    assert "default" in paths["/v0/pipes/odd.json"]["get"]["responses"]
    assert "default" not in paths["/v0/pipes/top.json"]["get"]["responses"]


async def test_tokens_that_may_do_other_things_get_other_documents(api: Api) -> None:
    api.executor.body = b""
    whole = await get(api, "/v0/pipes/openapi.json")
    assert await get(api, "/v0/pipes/openapi.json") == whole
    assert await get(api, "/v0/pipes/openapi.json", "board") != whole


async def test_a_parameter_that_is_fixed_is_not_in_the_document(api: Api) -> None:
    scope = {"type": "PIPES:READ", "resource": "top", "fixed_params": {"kind": "mine"}}
    claims = {"name": "page", "exp": int(time.time()) + 60, "scopes": [scope]}
    value = jwt.encode(claims, derive_token(SECRET.encode(), "admin"), algorithm="HS256")
    api.executor.body = b""
    found = await (await api.client.get("/v0/pipes/openapi.json", params={"token": value})).json()
    assert [each["name"] for each in found["paths"]["/v0/pipes/top.json"]["get"]["parameters"]] == ["limit"]
    # SQL of its own could reach the pipe around them.
    assert "/v0/sql" not in found["paths"]


async def test_the_page_loads_nothing_from_elsewhere(api: Api) -> None:
    response = await api.client.get("/docs")
    text = await response.text()
    assert response.status == 200
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2
    assert "http://" not in text
    assert "https://" not in text
    assert "innerHTML" not in text
    # The token is kept in the page's memory alone.
    assert "Storage" not in text
    assert "cookie" not in text
