"""What a project holds, over HTTP: pipes, data sources and their files."""

from __future__ import annotations

import pytest

from query_api.ids import resource_id
from tests.query_api.asking import get
from tests.query_api.fakes import PROJECT, Api


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
