"""What a project holds, over HTTP: pipes, data sources, explanations, the OpenAPI document and its page."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from openapi_spec_validator import validate

from query_api.auth import AccessToken, derive_token
from query_api.catalog import compile_project
from query_api.explanation import Explainer
from query_api.ids import resource_id
from query_api.limits import Limits
from query_api.openapi import openapi_document
from query_api.template.parameters import Parameter
from schemas.project import EXAMPLE_PROJECT, load_project
from tests.query_api.fakes import SECRET, Api, FakeExecutor
from tests.query_api.projects import pipe, project

ADMIN = AccessToken("admin", is_admin=True)


async def get(api: Api, path: str, token: str = "admin") -> Any:
    response = await api.client.get(path, headers=api.token(token))
    assert response.status == 200
    return await response.json()


async def test_a_list_shows_what_the_token_may_read(api: Api) -> None:
    assert {each["name"] for each in (await get(api, "/v0/pipes"))["pipes"]} == {"top", "picky", "odd"}
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
    found = await Explainer(executor, Limits(), compiled.secret_values).explain(query, "id")
    assert found["sql"] == query.sql
    assert found["parameters"] == {"p1": "mine", "p2": "***"}
    assert found["reads"] == [{"table": "t", "parts": 1, "rows": 2, "marks": 3}]
    assert "hush" not in str(found)


async def test_the_document_is_valid_and_holds_what_the_token_may_use(api: Api) -> None:
    whole = await get(api, "/v0/pipes/openapi.json")
    validate(whole)
    assert set(whole["paths"]) == {f"/v0/pipes/{name}.{{format}}" for name in ("top", "picky", "odd")} | {"/v0/events"}
    assert set((await get(api, "/v0/pipes/openapi.json", "board"))["paths"]) == {"/v0/pipes/top.{format}"}
    assert set((await get(api, "/v0/pipes/openapi.json", "app"))["paths"]) == {"/v0/events"}


async def test_a_parameter_that_is_fixed_is_not_in_the_document(api: Api) -> None:
    scope = {"type": "PIPES:READ", "resource": "top", "fixed_params": {"kind": "mine"}}
    claims = {"name": "page", "exp": int(time.time()) + 60, "scopes": [scope]}
    value = jwt.encode(claims, derive_token(SECRET.encode(), "admin"), algorithm="HS256")
    found = await (await api.client.get("/v0/pipes/openapi.json", params={"token": value})).json()
    assert [each["name"] for each in found["paths"]["/v0/pipes/top.{format}"]["get"]["parameters"]] == ["limit"]


def test_the_example_projects_document_is_valid() -> None:
    compiled = compile_project(load_project(Path(EXAMPLE_PROJECT), environment={}))
    document = openapi_document(compiled.endpoints.values(), ["events"], ADMIN)
    validate(document)
    parameters = document["paths"]["/v0/pipes/get_events.{format}"]["get"]["parameters"]
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
    found = document["paths"]["/v0/pipes/p.{format}"]["get"]["parameters"][0]["schema"]
    assert schema.items() <= found.items()
    assert ("default" in found) == ("default" in schema)


async def test_the_page_loads_nothing_from_elsewhere(api: Api) -> None:
    response = await api.client.get("/docs")
    text = await response.text()
    assert response.status == 200
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "http://" not in text
    assert "https://" not in text
    assert "innerHTML" not in text
