"""Signed tokens over HTTP: who may make them, what they open, what is refused."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.access.auth import derive_token
from query_api.access.json_web_tokens import read_signed
from query_api.errors import Forbidden
from query_api.ids import resource_id
from tests.query_api.fakes import SECRET, Api

KEY = derive_token(SECRET.encode(), "admin")
TOP = "/v0/pipes/top.json"
READ_TOP = {"type": "PIPES:READ", "resource": "top"}


def signed(*scopes: dict[str, Any], key: str = KEY, algorithm: str | None = "HS256", **claims: Any) -> dict[str, str]:
    document = {"workspace_id": "w", "name": "page", "exp": int(time.time()) + 60, "scopes": list(scopes), **claims}
    document = {name: value for name, value in document.items() if value is not None}
    return {"Authorization": "Bearer " + jwt.encode(document, key, algorithm=algorithm)}


async def refused(api: Api, headers: dict[str, str], path: str = TOP) -> str:
    response = await api.client.get(path, headers=headers)
    assert response.status == 403
    assert api.executor.questions == []
    return str((await response.json())["error"])


@pytest.mark.parametrize("resource", ["top", resource_id("top")])
async def test_a_signed_token_opens_what_its_scopes_say(api: Api, resource: str) -> None:
    headers = signed({"type": "PIPES:READ", "resource": resource})
    assert (await api.client.get(TOP, headers=headers)).status == 200
    assert (await api.client.get("/v0/pipes/odd.json", headers=headers)).status == 403
    assert (await api.client.post("/v0/events?name=events", data="{}", headers=headers)).status == 403


async def test_an_append_scope_takes_events(api: Api) -> None:
    headers = signed({"type": "DATASOURCES:APPEND", "resource": "events"})
    assert (await api.client.post("/v0/events?name=events", data="{}", headers=headers)).status == 202


async def test_fixed_parameters_win_over_the_callers(api: Api) -> None:
    headers = signed({**READ_TOP, "fixed_params": {"kind": "mine", "limit": 3}})
    await api.client.get(f"{TOP}?kind=yours&limit=9", headers=headers)
    await api.client.post(TOP, json={"kind": "yours", "limit": 9}, headers=headers)
    for question in api.executor.questions:
        assert sorted(question.query.parameters.values()) == ["3", "mine"]


@pytest.mark.parametrize("path", ["/v0/sql?q=SELECT * FROM top", f"{TOP}?q=SELECT * FROM _"])
async def test_fixed_parameters_cannot_be_gone_around_with_sql(api: Api, path: str) -> None:
    text = await refused(api, signed({**READ_TOP, "fixed_params": {"kind": "mine"}}), path)
    assert "fixed parameters" in text


@pytest.mark.parametrize("fixed", [{"kind": None}, {"kind": [None]}, {"kind": {"a": 1}}])
async def test_a_fixed_parameter_without_a_value_is_refused(api: Api, fixed: dict[str, object]) -> None:
    assert "fixed_params" in await refused(api, signed({**READ_TOP, "fixed_params": fixed}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": None}, "`exp`"),
        ({"name": None}, "`name`"),
        ({"scopes": []}, "scopes"),
        ({"scopes": [{"type": "ADMIN", "resource": "top"}]}, "type"),
        ({"scopes": [{**READ_TOP, "filter": "kind = 1"}]}, "filter"),
        ({"limits": {"rps": 0}}, "rps"),
        ({"name": "two\nlines"}, "name"),
        ({"nbf": 99999999999}, "not valid"),
        ({"key": "another key that is long enough for SHA-256"}, "not valid"),
        ({"algorithm": "HS384", "key": KEY * 2}, "HS256"),
        ({"algorithm": "none", "key": ""}, "HS256"),
    ],
)
async def test_other_tokens_are_refused_with_a_reason(api: Api, changes: dict[str, Any], words: str) -> None:
    headers = signed(*changes.pop("scopes", [READ_TOP]), **changes)
    assert words in await refused(api, headers)


async def test_a_token_that_says_rs256_is_not_checked_with_the_key(api: Api) -> None:
    header, payload, signature = signed(READ_TOP)["Authorization"].removeprefix("Bearer ").split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').rstrip(b"=").decode()
    assert "HS256" in await refused(api, {"Authorization": f"Bearer {header}.{payload}.{signature}"})


def _segment(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "replace")).rstrip(b"=").decode()


@given(st.one_of(st.text(), st.tuples(st.text(), st.text(), st.text()).map(lambda each: ".".join(map(_segment, each)))))
def test_no_text_gets_through_or_fails_otherwise(value: str) -> None:
    with pytest.raises(Forbidden):
        read_signed(value, KEY)


def test_a_long_token_is_not_looked_at() -> None:
    with pytest.raises(Forbidden, match="8192"):
        read_signed("x" * 8193, KEY)


@pytest.mark.parametrize("text", ["[" * 5000, '{"alg":"HS256","a":' + "[" * 4000])
def test_a_deep_header_is_refused(text: str) -> None:
    with pytest.raises(Forbidden):
        read_signed(f"{_segment(text)}.e30.e30", KEY)


async def test_a_rate_is_shared_by_tokens_of_one_name(api: Api) -> None:
    first = await api.client.get(TOP, headers=signed(READ_TOP, limits={"rps": 1}))
    assert (first.status, first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == (200, "1", "0")
    second = await api.client.get(TOP, headers=signed(READ_TOP, limits={"rps": 1}, jti="another"))
    assert (second.status, second.headers["Retry-After"], second.headers["X-RateLimit-Reset"]) == (429, "1", "1")
    other = await api.client.get(TOP, headers=signed(READ_TOP, name="other", limits={"rps": 1}))
    assert other.status == 200


async def test_the_admin_makes_tokens(api: Api) -> None:
    path = f"/v0/tokens/?name=made&expiration_time={int(time.time()) + 60}"
    body = {"name": "x", "scopes": [{**READ_TOP, "fixed_params": {"kind": "a"}}], "limits": {"rps": 5}}
    response = await api.client.post(path, data=json.dumps(body), headers=api.token())
    value = (await response.json())["token"]
    answer = await api.client.get(TOP, headers={"Authorization": f"Bearer {value}"})
    assert (answer.status, answer.headers["X-RateLimit-Limit"]) == (200, "5")
    assert read_signed(value, KEY).name == "made"
    for headers in (api.token("board"), {"Authorization": f"Bearer {value}"}):
        assert (await api.client.post(path, json=body, headers=headers)).status == 403


@pytest.mark.parametrize(
    ("query", "body", "words"),
    [
        ("name=a", "{}", "expiration_time"),
        ("name=a&expiration_time=soon", "{}", "`soon`"),
        ("name=a&expiration_time=5", "{}", "past"),
        ("name=a&expiration_time=99999999999", "{", "JSON"),
        ("name=a&expiration_time=99999999999", "[]", "object"),
        ("name=a&expiration_time=99999999999", "{}", "scopes"),
    ],
)
async def test_a_token_that_cannot_be_made_is_400(api: Api, query: str, body: str, words: str) -> None:
    response = await api.client.post(f"/v0/tokens/?{query}", data=body, headers=api.token())
    assert response.status == 400
    assert words in (await response.json())["error"]
