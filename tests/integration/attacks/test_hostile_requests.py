"""Hostile requests, made up from a seed and the OpenAPI document, against a running API on a real ClickHouse.

None may end in a server error, show a token or what the token may not read, bring a caller's value into SQL, or be
answered otherwise than the document says. `FUZZ_REQUESTS` says how many.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from yarl import URL

from schemas.queries.query import Query
from tests.integration.attacks.hostile_author import Author, Hostile
from tests.integration.attacks.hostile_target import CANARY, OWN_ERROR, OWN_STATUS, REQUESTS, Target
from tests.integration.attacks.hostile_texts import MARK
from tests.integration.attacks.hostile_tokens import Caller, callers

SEED = int(os.environ.get("FUZZ_SEED", "1"))
AT_ONCE = 4
# Shorter ones ("a.b.c") are found in honest texts.
_TOKEN_LENGTH = 20


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes
    queries: Sequence[Query]


class Judge:
    """Says what an answer must be like; the document's schemas are those that the admin sees."""

    def __init__(self, document: dict[str, Any], known: Sequence[Caller]) -> None:
        self._document = document
        self._tokens = [each.value.encode() for each in known if len(each.value) > _TOKEN_LENGTH]
        resource = DRAFT202012.create_resource(document)
        self._registry: Registry[Any] = Registry().with_resource("urn:document", resource)
        self._validators: dict[str, Draft202012Validator] = {}

    def check(self, hostile: Hostile, answered: Answered) -> None:
        shown = (hostile, answered.status, answered.body[:500])
        assert answered.status < 500, shown
        assert not any(token in answered.body for token in self._tokens), shown
        if hostile.caller.kind != "admin":
            assert CANARY.encode() not in answered.body, shown
        if not hostile.has_own_sql:
            assert all(MARK not in query.sql for query in answered.queries), (hostile, answered.queries)
        self._check_access(hostile, answered)
        self._check_body(hostile, answered)

    def _check_access(self, hostile: Hostile, answered: Answered) -> None:
        """What a caller may not ask is refused before anything else, and no query is run for it."""
        caller, path = hostile.caller, hostile.path
        if path is None:
            return
        pipe = path.rpartition("/")[2].partition(".")[0] if path.startswith("/v0/pipes/") else None
        is_refused = (
            not caller.is_valid
            or (pipe is not None and caller.reads is not None and pipe not in caller.reads)
            or (path == "/v0/sql" and not caller.has_sql)
        )
        if is_refused:
            assert answered.status in (403, 429), (hostile, answered)
            assert answered.queries == [], (hostile, answered)

    def _check_body(self, hostile: Hostile, answered: Answered) -> None:
        status, body = answered.status, answered.body
        content_type = answered.headers.get("Content-Type", "").partition(";")[0]
        if hostile.method == "HEAD" or status == 204:
            assert body == b"", (hostile, answered)
            return
        if content_type == "application/json":
            self._check_json(hostile, status, json.loads(body))
            return
        assert status == 200, (hostile, answered)
        if hostile.path is not None:
            content = self._operation(hostile)["responses"]["200"]["content"]
            assert content_type in content, (hostile, answered.headers)
        if content_type == "application/x-ndjson" and not hostile.is_reshaped and hostile.path is not None:
            name = hostile.path.rpartition("/")[2].partition(".")[0]
            row = self._validator(f"/components/schemas/{name}_row")
            for line in body.splitlines():
                row.validate(json.loads(line))

    def _check_json(self, hostile: Hostile, status: int, document: Any) -> None:
        if hostile.path is None or status == 405:
            if status == OWN_STATUS:  # `/explain` of the pipe that refuses in its own words
                assert document == OWN_ERROR, (hostile, document)
            elif status >= 400:
                self._validator("/components/schemas/Error").validate(document)
            return
        responses = self._operation(hostile)["responses"]
        assert str(status) in responses or "default" in responses, (hostile, status, document)
        if "$ref" in responses.get(str(status), {}):
            self._validator("/components/schemas/Error").validate(document)
        elif not hostile.is_reshaped:
            method = hostile.method.lower()
            key = str(status) if str(status) in responses else "default"
            place = "/".join(
                part.replace("~", "~0").replace("/", "~1")
                for part in ("paths", hostile.path, method, "responses", key, "content", "application/json", "schema")
            )
            self._validator("/" + place).validate(document)

    def _operation(self, hostile: Hostile) -> dict[str, Any]:
        found: dict[str, Any] = self._document["paths"][hostile.path][hostile.method.lower()]
        return found

    def _validator(self, pointer: str) -> Draft202012Validator:
        if pointer not in self._validators:
            schema = {"$ref": str(URL.build(scheme="urn", path="document", fragment=pointer, encoded=False))}
            self._validators[pointer] = Draft202012Validator(schema, registry=self._registry)
        return self._validators[pointer]


async def ask(target: Target, hostile: Hostile) -> Answered:
    request = target.client.session.request(
        hostile.method,
        URL(str(target.client.make_url("/")).rstrip("/") + hostile.url, encoded=True),
        headers=hostile.headers,
        data=hostile.body,
        timeout=aiohttp.ClientTimeout(total=60),
    )
    async with request as response:
        body = await response.read()
        queries = target.executor.asked.pop(response.headers.get("X-Request-Id", ""), [])
        return Answered(response.status, response.headers, body, queries)


def check_log(records: list[logging.LogRecord], known: Sequence[Caller]) -> None:
    for record in records:
        text = f"{record.getMessage()} {getattr(record, 'fields', '')}"
        assert record.exc_info is None, (text, record.exc_info)
        assert not any(each.value in text for each in known if len(each.value) > _TOKEN_LENGTH)
        assert CANARY not in text


@pytest.mark.timeout(60 + REQUESTS // 10)
@pytest.mark.needs("clickhouse")
async def test_hostile_requests_are_answered_as_the_document_says(
    target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.INFO)
    known = callers("daily")
    document = await target.document(known[0])
    validate(document)
    author, judge = Author(document, known, SEED), Judge(document, known)
    statuses, kinds, asked = Counter[int](), defaultdict[str, Counter[int]](Counter), 0
    numbers, started = iter(range(REQUESTS)), time.monotonic()

    async def work() -> None:
        nonlocal asked
        for number in numbers:
            hostile = author.request()
            answered = await ask(target, hostile)
            judge.check(hostile, answered)
            statuses[answered.status] += 1
            kinds[hostile.caller.kind][answered.status] += 1
            asked += len(answered.queries)
            if number % 500 == 499:
                check_log(caplog.records, known)
                caplog.clear()
                target.broker.messages.clear()

    async with asyncio.TaskGroup() as workers:
        for _ in range(AT_ONCE):
            workers.create_task(work())
    check_log(caplog.records, known)
    seconds = time.monotonic() - started
    print(f"{REQUESTS} requests in {seconds:.0f} s, {asked} queries, answers {dict(sorted(statuses.items()))}")
    for kind, counts in kinds.items():
        print(f"  {kind}: {dict(sorted(counts.items()))}")
    # Requests that reach ClickHouse are the point: most must not end at the first check.
    assert asked > REQUESTS / 10
    assert statuses[200] > REQUESTS / 10


@pytest.mark.needs("clickhouse")
async def test_each_token_sees_its_own_part_of_the_document(target: Target) -> None:
    for caller in callers("daily"):
        if not caller.is_valid:
            continue
        document = await target.document(caller)
        validate(document)
        pipes = {path.rpartition("/")[2].partition(".")[0] for path in document["paths"] if "/pipes/" in path}
        if caller.reads is not None:
            assert pipes == caller.reads - {"no_such_pipe"}
        assert ("/v0/sql" in document["paths"]) == caller.has_sql
        assert CANARY not in json.dumps(document)
        assert caller.value not in json.dumps(document)


@pytest.mark.needs("clickhouse")
async def test_the_document_types_rows_by_what_clickhouse_answers(target: Target) -> None:
    document = await target.document(callers("daily")[0])
    schemas = document["components"]["schemas"]
    assert schemas["owned_row"] == {
        "type": "object",
        "properties": {name: {"type": "string", "description": "String"} for name in ("owner", "note")},
        "required": ["owner", "note"],
        "additionalProperties": True,
    }
    assert schemas["vault_count_row"]["additionalProperties"] is False
    assert "required" not in schemas["chosen_row"]
    assert set(schemas["kinds_row"]["required"]) == set("abcdefghijklmnopqrstuvw")
    forms = {
        name: document["paths"][f"/v0/pipes/{name}.{{format}}"]["parameters"][0]["schema"]["enum"]
        for name in ("owned", "measured")
    }
    assert "prometheus" in forms["measured"]
    assert "prometheus" not in forms["owned"]
    # Every endpoint of every project can be described.
    assert [name for name, schema in schemas.items() if "could not tell" in schema.get("description", "")] == []
