"""What a project holds, over HTTP: pipes, data sources, explanations, the OpenAPI document and its page."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from openapi_spec_validator import validate

from query_api.access.auth import AccessToken, Scope, derive_token
from query_api.engine.limits import Limits
from query_api.errors import QueryRefused
from query_api.ids import resource_id
from query_api.openapi.answer_columns import Columns
from query_api.openapi.cache import OpenApiCache
from query_api.openapi.document import openapi_document
from query_api.project.explanation import Explainer
from schemas.project import EXAMPLE_PROJECT, load_project
from schemas.queries.catalog import compile_project
from schemas.template.parameters import Parameter
from tests.query_api.fakes import PROJECT, SECRET, Api, FakeExecutor
from tests.query_api.projects import pipe, project

ADMIN = AccessToken("admin", is_admin=True)


async def get(api: Api, path: str, token: str = "admin") -> Any:
    response = await api.client.get(path, headers=api.token(token))
    assert response.status == 200
    return await response.json()


async def test_a_list_shows_what_the_token_may_read(api: Api) -> None:
    assert {each["name"] for each in (await get(api, "/v0/pipes"))["pipes"]} == set(PROJECT.pipes)
    assert {each["name"] for each in (await get(api, "/v0/pipes", "board"))["pipes"]} == {"top"}
    assert (await get(api, "/v0/pipes", "app")) == {"pipes": []}
    api.executor.body = b""
    assert {each["name"] for each in (await get(api, "/v0/datasources"))["datasources"]} == {"events", "totals"}
    assert (await get(api, "/v0/datasources", "app")) == {"datasources": []}


async def test_attributes_narrow_a_list(api: Api) -> None:
    (found,) = (await get(api, "/v0/pipes?attrs=id,name", "board"))["pipes"]
    assert set(found) == {"id", "name", "url"}
    (found,) = (await get(api, "/v0/pipes?attrs=nodes&node_attrs=name", "board"))["pipes"]
    assert found["nodes"] == [{"name": "endpoint"}]
    (found,) = (await get(api, "/v0/pipes?dependencies=true", "board"))["pipes"]
    assert found["nodes"][0]["dependencies"] == ["events"]


@pytest.mark.parametrize("name", ["top", resource_id("top")])
async def test_a_pipe_is_found_by_name_and_by_id(api: Api, name: str) -> None:
    found = await get(api, f"/v0/pipes/{name}")
    (node,) = found["nodes"]
    assert (found["name"], found["type"], found["endpoint"]) == ("top", "endpoint", node["id"])
    assert found["url"].endswith("/v0/pipes/top.json")
    assert node["params"] == [
        {"name": "kind", "type": "String", "default": "all"},
        {"name": "limit", "type": "Int32", "default": 10},
    ]


async def test_a_data_source_says_its_columns_size_and_who_uses_it(api: Api) -> None:
    api.executor.body = b'{"name":"events","rows":"7","bytes":"99"}\n'
    found = await get(api, "/v0/datasources/events")
    assert found["statistics"] == {"bytes": 99, "row_count": 7}
    assert [column["name"] for column in found["schema"]["columns"]] == ["kind"]
    assert found["used_by"] == [{"id": resource_id("top"), "name": "top"}]


@pytest.mark.parametrize(
    ("path", "token", "status", "words"),
    [
        ("/v0/pipes/nothing", "admin", 404, "Pipe 'nothing' not found"),
        ("/v0/pipes/nothing/explain", "admin", 404, "Pipe 'nothing' not found"),
        ("/v0/pipes/nothing.pipe", "admin", 404, "Pipe 'nothing' not found"),
        ("/v0/datasources/nothing", "admin", 404, 'Data Source "nothing" does not exist'),
        ("/v0/pipes/odd", "board", 403, "no READ scope"),
        ("/v0/pipes/odd.pipe", "board", 403, "no READ scope"),
        ("/v0/pipes/odd/explain", "board", 403, "no READ scope"),
        ("/v0/datasources/events", "board", 403, "no READ scope"),
        ("/v0/datasources/events.datasource", "board", 403, "no READ scope"),
        ("/v0/pipes", "nobody", 403, "not valid"),
        ("/v0/pipes/openapi.json", "nobody", 403, "not valid"),
    ],
)
async def test_what_is_not_there_or_not_theirs(api: Api, path: str, token: str, status: int, words: str) -> None:
    response = await api.client.get(path, headers=api.token(token))
    assert response.status == status
    assert words in (await response.json())["error"]


async def test_an_explanation_shows_the_sql_and_no_secret() -> None:
    compiled = compile_project(
        project(pipe("p", only="%\nSELECT {{String(x)}} AS x, {{tb_secret('salt')}} AS y")), secrets={"salt": "hush"}
    )
    executor = FakeExecutor(body=b'{"explain":"x = \'hush\'","table":"t","parts":"1","rows":"2","marks":"3"}\n')
    query = compiled.endpoints["p"].render({"x": "mine"})
    found = await Explainer(executor, Limits(), compiled.secrets).explain(query, "id")
    assert found["sql"] == query.sql
    assert found["parameters"] == {"p1": "mine", "p2": "***"}
    assert found["reads"] == [{"table": "t", "parts": 1, "rows": 2, "marks": 3}]
    assert "hush" not in str(found)


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


async def test_a_document_is_made_once_for_tokens_that_may_do_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.executor.body = b""
    made: list[str] = []

    def counted(*given: Any) -> Any:
        made.append(given[2].name)
        return openapi_document(*given)

    monkeypatch.setattr("query_api.openapi.cache.openapi_document", counted)
    whole = await get(api, "/v0/pipes/openapi.json")
    assert await get(api, "/v0/pipes/openapi.json") == whole
    assert await get(api, "/v0/pipes/openapi.json", "board") != whole
    await get(api, "/v0/pipes/openapi.json", "board")
    assert made == ["admin", "board"]


def test_a_document_is_made_again_when_columns_or_fixed_values_are_others() -> None:
    documents, columns = OpenApiCache(), {"p": Columns({"n": ("UInt64",)}, True, True)}
    compiled = compile_project(project(pipe("p", only="%SELECT {{String(x, 'a')}} AS n")))
    endpoints = list(compiled.endpoints.values())
    fixed = AccessToken("page", frozenset({Scope("READ", "p")}), fixed_values={"p": {"x": "mine"}})
    first = documents.document(endpoints, [], ADMIN, columns)
    assert documents.document(endpoints, [], ADMIN, dict(columns)) is first
    assert documents.document(endpoints, [], ADMIN, {}) != first
    assert documents.document(endpoints, [], fixed, columns) != documents.document(endpoints, [], ADMIN, columns)
    for number in range(40):
        documents.document([], [], AccessToken("t", frozenset({Scope("READ", f"p{number}")})), {})
    assert documents.document(endpoints, [], ADMIN, columns) == first
    assert len(documents._documents) <= 16


async def test_a_parameter_that_is_fixed_is_not_in_the_document(api: Api) -> None:
    scope = {"type": "PIPES:READ", "resource": "top", "fixed_params": {"kind": "mine"}}
    claims = {"name": "page", "exp": int(time.time()) + 60, "scopes": [scope]}
    value = jwt.encode(claims, derive_token(SECRET.encode(), "admin"), algorithm="HS256")
    api.executor.body = b""
    found = await (await api.client.get("/v0/pipes/openapi.json", params={"token": value})).json()
    assert [each["name"] for each in found["paths"]["/v0/pipes/top.json"]["get"]["parameters"]] == ["limit"]
    # SQL of its own could reach the pipe around them.
    assert "/v0/sql" not in found["paths"]


def test_the_example_projects_document_is_valid() -> None:
    compiled = compile_project(load_project(Path(EXAMPLE_PROJECT), environment={}))
    document = openapi_document(compiled.endpoints.values(), ["events"], ADMIN)
    validate(document)
    parameters = document["paths"]["/v0/pipes/get_events.json"]["get"]["parameters"]
    (limit,) = (each for each in parameters if each["name"] == "limit")
    assert (limit["schema"]["type"], limit["schema"]["default"]) == ("integer", 100)
    assert limit["description"] == "The most rows to answer"


@pytest.mark.parametrize(
    ("parameter", "schema"),
    [
        (Parameter("x", "Int8", default="12", enum=("1", "12", "huge")), {"enum": [1, 12], "default": 12}),
        (Parameter("x", "Int8", default="1000"), {"type": "integer"}),
        (Parameter("x", "Array(Int32)", default="1,2"), {"default": [1, 2]}),
        (Parameter("x", "Array(String)", enum=("a", "b"), default="a"), {"default": ["a"]}),
        (Parameter("x", "Boolean", default="1"), {"default": True}),
        (Parameter("x", "Float64", default="nan"), {"type": "number"}),
        (Parameter("x", "DateTime", format="YYYY-MM-DD", example="2025-01-01"), {"examples": ["2025-01-01"]}),
        (Parameter("x", "Int32", default=object()), {"type": "integer"}),
    ],
)
def test_what_an_author_said_is_kept_where_it_fits_the_type(parameter: Parameter, schema: dict[str, Any]) -> None:
    compiled = compile_project(project(pipe("p", only="SELECT 1")))
    endpoint = compiled.endpoints["p"]
    document = openapi_document([replace(endpoint, parameters=(parameter,))], [], ADMIN)
    validate(document)
    found = document["paths"]["/v0/pipes/p.json"]["get"]["parameters"][0]["schema"]
    assert schema.items() <= found.items()
    assert ("default" in found) == ("default" in schema)


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
