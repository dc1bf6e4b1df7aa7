"""The Events API over HTTP: what is taken, what is answered, what is refused without storing anything."""

from __future__ import annotations

import gzip
import hashlib
import json
import random

import pytest

from query_api.errors import TooLarge, Unavailable
from query_api.ids import resource_id
from query_api.observing.requests import RequestEnded
from tests.query_api.fakes import Api, StartApi

EVENTS = "/v0/events?name=events"
PRETTY = json.dumps({"kind": "x", "n": [1, 2]}, indent=2).encode()


async def error_of(api: Api, path: str, data: bytes = b"{}", **headers: str) -> tuple[int, str]:
    response = await api.client.post(path, data=data, headers=api.token() | headers)
    return response.status, (await response.json())["error"]


@pytest.mark.parametrize(
    ("body", "documents"),
    [
        (b'{"kind":"x"}', [b'{"kind":"x"}']),
        (PRETTY, [PRETTY]),
        (b'{"a":1}\nnot json\n\n{"a":2}\n', [b'{"a":1}', b"not json", b'{"a":2}']),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
async def test_documents_go_to_the_topic_as_they_are(
    api: Api, body: bytes, documents: list[bytes], content_type: str
) -> None:
    headers = api.token("app") | {"Content-Type": content_type}
    response = await api.client.post(EVENTS, data=body, headers=headers)
    assert response.status == 202
    assert await response.json() == {"successful_rows": len(documents), "quarantined_rows": 0}
    assert api.broker.messages == [("events", document) for document in documents]


@pytest.mark.parametrize("padding", [0, 70_000, 900_000], ids=["small", "small only while packed", "large"])
@pytest.mark.parametrize("is_noise", [False, True])
async def test_gzip_is_taken(api: Api, padding: int, is_noise: bool) -> None:
    pad = random.Random(1).randbytes(padding // 2).hex() if is_noise else "x" * padding
    documents = [b'{"a":1}', b'{"a":"%b"}' % pad.encode()]
    headers = api.token() | {"Content-Encoding": "gzip"}
    api.broker.message_limit_bytes = 2**24
    response = await api.client.post(EVENTS, data=gzip.compress(b"\n".join(documents), 1), headers=headers)
    assert (response.status, (await response.json())["successful_rows"]) == (202, 2)
    assert [document for _, document in api.broker.messages] == documents


async def test_waiting_answers_200_with_what_is_in_quarantine(api: Api) -> None:
    api.executor.body = b"1\n"
    response = await api.client.post(f"{EVENTS}&wait=true", data=b'{"a":1}\nbad\n{"a":3}', headers=api.token())
    assert response.status == 200
    assert await response.json() == {"successful_rows": 2, "quarantined_rows": 1}
    parameters = api.executor.questions[0].query.parameters
    assert parameters["quarantine"] == "events_quarantine"
    assert (parameters["partitions"], parameters["firsts"], parameters["lasts"]) == ("[3]", "[0]", "[2]")


def rows(*bad: tuple[bytes, list[str], list[str]]) -> bytes:
    lines = ([hashlib.md5(document).hexdigest(), columns, reasons] for document, columns, reasons in bad)
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


async def test_waiting_names_the_documents_that_are_in_quarantine(api: Api) -> None:
    api.executor.body = b"2\n"
    accent = b'{"a":"\xc3\xa9"}'
    api.executor.rows = rows((b"bad", ["__value"], ["not valid JSON"]), (accent, ["kind", "b"], ["«é»", "x"]))
    response = await api.client.post(f"{EVENTS}&wait=true", data=b'{"a":1}\nbad\n' + accent, headers=api.token())
    assert response.status == 200
    assert await response.json() == {
        "successful_rows": 1,
        "quarantined_rows": 2,
        "errors": [
            {"document": 2, "column": "__value", "reason": "not valid JSON"},
            {"document": 3, "column": "kind", "reason": "«é»", "other_columns": ["b"]},
        ],
    }
    assert [question.format for question in api.executor.questions] == ["TSV", "JSONCompactEachRow"]


async def test_without_bad_documents_nothing_more_is_asked_or_answered(api: Api) -> None:
    api.executor.body = b"0\n"
    response = await api.client.post(f"{EVENTS}&wait=true", data=b'{"a":1}', headers=api.token())
    assert await response.read() == b'{"successful_rows": 1, "quarantined_rows": 0}'
    assert len(api.executor.questions) == 1


async def test_reasons_that_cannot_be_read_fail_no_request_whose_events_are_stored(api: Api) -> None:
    api.executor.body = b"1\n"
    api.executor.rows_error = Unavailable("ClickHouse cannot be reached")
    response = await api.client.post(f"{EVENTS}&wait=true", data=b"bad", headers=api.token())
    assert (response.status, await response.json()) == (200, {"successful_rows": 0, "quarantined_rows": 1})


ARRAY = b'[ {"kind": "x", "n": 1.10},\n  {"kind":"y"}, 5 ]'
MEMBERS = [b'{"kind": "x", "n": 1.10}', b'{"kind":"y"}', b"5"]


@pytest.mark.parametrize("form", ["", "&format=json"])
@pytest.mark.parametrize("padding", [0, 400])
async def test_the_members_of_an_array_are_the_events_byte_for_byte(api: Api, form: str, padding: int) -> None:
    more = [b'{"pad":"%d"}' % number + b" " * 50 for number in range(padding)]  # beyond what is done on the loop
    body = ARRAY[:-1] + b"".join(b"," + member for member in more) + b"]"
    response = await api.client.post(EVENTS + form, data=body, headers=api.token())
    assert (response.status, await response.json()) == (
        202,
        {"successful_rows": 3 + padding, "quarantined_rows": 0},
    )
    assert [document for _, document in api.broker.messages] == MEMBERS + [member.strip() for member in more]


async def test_gzip_of_an_array_is_its_members_too(api: Api) -> None:
    headers = api.token() | {"Content-Encoding": "gzip"}
    await api.client.post(EVENTS, data=gzip.compress(ARRAY), headers=headers)
    assert [document for _, document in api.broker.messages] == MEMBERS


@pytest.mark.parametrize(("wait", "status"), [("", 202), ("&wait=true", 200)])
async def test_an_empty_array_is_no_event(api: Api, wait: str, status: int) -> None:
    response = await api.client.post(EVENTS + wait, data=b"[ ]", headers=api.token())
    assert (response.status, await response.json()) == (status, {"successful_rows": 0, "quarantined_rows": 0})
    assert api.broker.messages == []


async def test_a_member_over_the_topics_limit_is_named_by_its_number_and_nothing_is_stored(api: Api) -> None:
    status, text = await error_of(api, EVENTS, b'[{"a":1},{"a":"' + b"x" * 2000 + b'"}]')
    assert status == 413
    assert "document 2 is 2008 bytes long" in text
    assert api.broker.messages == []


async def test_a_compacted_topic_is_400_before_anything_is_sent(api: Api) -> None:
    api.broker.is_compacted = True
    status, text = await error_of(api, EVENTS, b"{}")
    assert (status, api.broker.messages) == (400, [])
    assert "`cleanup.policy`" in text


async def test_waiting_too_long_is_202_because_the_events_are_safe(start_api: StartApi) -> None:
    api = await start_api(wait_seconds=0)
    api.broker.is_stuck = True
    response = await api.client.post(f"{EVENTS}&wait=true", data=b"{}", headers=api.token())
    assert (response.status, await response.json()) == (202, {"successful_rows": 1, "quarantined_rows": 0})


@pytest.mark.parametrize(
    ("path", "data", "status", "words"),
    [
        ("/v0/events", b"{}", 400, "`name` is needed"),
        ("/v0/events?name=nothing", b"{}", 404, "`nothing` does not exist"),
        ("/v0/events?name=totals", b"{}", 404, "`totals` takes no events"),
        (EVENTS, b"", 400, "the body is empty"),
        (EVENTS, b'{\n"a": 1\n', 400, "not closed"),
        (EVENTS + "&format=csv", b"{}", 400, "accepted are `ndjson` and `json`"),
        (EVENTS + "&format=", b"{}", 400, "accepted are `ndjson` and `json`"),
        (EVENTS + "&format=", b"{%s}" % (b" " * 70_000), 400, "accepted are `ndjson` and `json`"),
        (EVENTS + "&wait=perhaps", b"{}", 400, "accepted are `true` and `false`"),
    ],
)
async def test_what_is_wrong_is_said_and_stores_nothing(
    api: Api, path: str, data: bytes, status: int, words: str
) -> None:
    answered, text = await error_of(api, path, data)
    assert answered == status
    assert words in text
    assert api.broker.messages == []


async def test_a_data_source_is_found_by_its_id(api: Api) -> None:
    response = await api.client.post(
        f"/v0/events?name={resource_id('events')}", data=b'{"kind":"a"}', headers=api.token("app")
    )
    assert response.status == 202
    assert [document for _, document in api.broker.messages] == [b'{"kind":"a"}']


async def test_a_token_needs_the_append_scope(api: Api) -> None:
    for headers in ({}, api.token("board"), api.token("nobody")):
        assert (await api.client.post(EVENTS, data=b"{}", headers=headers)).status == 403
    assert api.broker.messages == []


async def test_only_post_is_allowed(api: Api) -> None:
    response = await api.client.get(EVENTS, headers=api.token())
    assert (response.status, response.headers["Allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize("is_packed", [False, True])
async def test_a_body_over_the_limit_is_413_and_names_it(start_api: StartApi, is_packed: bool) -> None:
    api = await start_api(max_body_bytes=1000)
    body = b'{"a":"' + b"x" * 2000 + b'"}'
    packed = {"Content-Encoding": "gzip"} if is_packed else {}
    status, text = await error_of(api, EVENTS, gzip.compress(body) if is_packed else body, **packed)
    assert status == 413
    assert "larger than `1000` bytes" in text
    assert "`BIRDHOUSE_API_MAX_BODY_BYTES`" in text


async def test_one_document_of_several_over_the_topics_limit_stores_none(api: Api) -> None:
    status, text = await error_of(api, EVENTS, b'{"a":1}\n{"a":"' + b"x" * 2000 + b'"}')
    assert status == 413
    assert "document 2 is 2008 bytes long" in text
    assert "`930`" in text  # Kafka's own bytes of a batch of one count too
    assert api.broker.messages == []


async def test_the_brokers_answers_are_passed_on(api: Api) -> None:
    api.broker.error = TooLarge("an event is larger than Kafka takes")
    assert await error_of(api, EVENTS) == (413, "an event is larger than Kafka takes")
    api.broker.error = Unavailable("Kafka did not acknowledge the events: timed out", retry_after=3)
    response = await api.client.post(EVENTS, data=b"{}", headers=api.token())
    assert (response.status, response.headers["Retry-After"]) == (503, "3")


async def test_an_unknown_encoding_is_415(api: Api) -> None:
    assert (await error_of(api, EVENTS, b"x", **{"Content-Encoding": "zstd"}))[0] == 415


async def test_a_request_is_observed_with_its_numbers(api: Api) -> None:
    await api.client.post(EVENTS, data=b"{}\n{}", headers=api.token("app"))
    seen = next(each for each in api.observed if isinstance(each, RequestEnded))
    assert (seen.route, seen.resource, seen.token, seen.documents) == ("events", "events", "app", 2)
