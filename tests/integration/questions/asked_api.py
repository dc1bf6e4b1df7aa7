"""An API of a test on the run's servers, and pipes that make its answers large, slow, late or wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient

from query_api.access.auth import derive_token
from query_api.observing.observations import Observation
from schemas.model import Column, ColumnType, DataSource, Endpoint, JsonPath, KafkaSource, Node, Pipe, Project

SECRET = "0123456789abcdef0123456789abcdef"
HEADERS = {"Authorization": f"Bearer {derive_token(SECRET.encode(), 'admin')}"}
PIPES = {
    "numbers": "%\nSELECT number, toString(number) AS text FROM numbers({{Int64(start, 0)}}, {{Int64(count, 3)}})",
    "slow": "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))",
    "endless": "SELECT number FROM numbers(100000000000)",
    "breaks": "SELECT throwIf(number = 3000000), number FROM numbers(3100000)",
    "fails_late": "SELECT throwIf(number = 70000) AS failed FROM numbers(70001)",  # in its second block
    "values": "SELECT toUInt64(18446744073709551615) AS big, nan AS not_a_number, 'a/b' AS slash",
    "echo": "%\nSELECT {{String(text)}} AS text",
    "events_by_kind": "SELECT kind, count() AS events FROM events GROUP BY kind ORDER BY kind",
    "missing_table": "SELECT * FROM absent",
}


@dataclass
class Api:
    client: TestClient[web.Request, web.Application]
    observed: list[Observation]
    topic: str

    async def get(self, path: str, **parameters: str) -> aiohttp.ClientResponse:
        return await self.client.get(f"/v0/pipes/{path}", params=parameters, headers=HEADERS)


StartApi = Callable[..., Awaitable[Api]]


def project(topic: str) -> Project:
    string = ColumnType("String", "String")
    columns = (Column("kind", string, JsonPath("$.kind", ("kind",))),)
    pipes = {name: Pipe(name, (Node("endpoint", sql, Endpoint()),)) for name, sql in PIPES.items()}
    source = DataSource("events", columns, kafka=KafkaSource("", topic, topic, "earliest"))
    absent = DataSource("absent", (Column("kind", string),))
    return Project(Path(), {"events": source, "absent": absent}, pipes)
