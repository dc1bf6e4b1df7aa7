"""What tests of the API look at in an answer, and in what was observed of it."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
from prometheus_client import generate_latest

from query_api.app import STATE
from query_api.observing.requests import RequestEnded
from tests.query_api.fakes import Api


def ended(api: Api) -> RequestEnded:
    found = [observation for observation in api.observed if isinstance(observation, RequestEnded)]
    return found[-1]


async def get(api: Api, path: str, token: str = "admin") -> Any:
    response = await api.client.get(path, headers=api.token(token))
    assert response.status == 200
    return await response.json()


async def error_of(response: aiohttp.ClientResponse) -> str:
    body = json.loads(await response.read())
    assert response.content_type == "application/json"
    assert set(body) == {"error", "documentation"}
    return str(body["error"])


def metrics_of(api: Api) -> str:
    return generate_latest(api.app[STATE].registry).decode()
