"""Good load with one bad event and one bad request in a hundred, of every kind that is known, for `FAULT_MINUTES`."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from tests.faults.callers import Callers
from tests.faults.conftest import MINUTES
from tests.faults.house import FaultHouse, Setup
from tests.faults.registry import fault
from tests.faults.scenarios.restarts import FIRST_POSTED, Service, ask, serve

ONE_IN = 100
COLUMNS = (
    "`amount` Decimal(12, 4) `json:$.amount`",
    "`amounts` Array(Decimal(12, 4)) `json:$.amounts[:]`",
    "`at` DateTime `json:$.at`",
    "`big` UInt64 `json:$.big`",
    "`text` String `json:$.text`",
    "`pair` Tuple(Int32, Int32) `json:$.pair`",
    "`document` JSON(number UInt32) `json:$.document`",
)
PIPE = """TOKEN dashboard READ

NODE narrowed
SQL >
    %
    SELECT id, text, part FROM {name}
    WHERE 1
    {% if defined(ids) %} AND id IN {{Array(ids, 'Int64')}} {% end %}
    {% if defined(names) %} AND text IN {{Array(names, 'String')}} {% end %}
    {% if defined(since) %} AND toDate(at) >= {{Date(since)}} {% end %}
    {% if defined(from_time) %} AND at >= {{DateTime(from_time)}} {% end %}
    AND amount >= {{Float64(least, 0)}}
    ORDER BY {{column(order, 'id')}}
    LIMIT {{Int32(limit, 10)}} OFFSET {{Int32(page, 0)}}

TYPE endpoint
"""
WHOLE: dict[str, object] = {
    "amount": "12.5",
    "amounts": [1, "2.25"],
    "at": "2026-01-31 10:00:00",
    "big": 1,
    "text": "a",
    "pair": [1, 2],
    "document": {"number": 1, "free": [1]},
}
# What replaces a good event's member, as JSON text, and whether the message is stored all the same.
ODD_MEMBERS: tuple[tuple[str, str, bool], ...] = (
    *(("amount", text, False) for text in ('"1.234.567"', '"."', '"-"', '"+"', '"e5"', '""', "true", "1e400")),
    *(("amounts", text, False) for text in ('["1.2.3"]', '[1, "-"]', '"x"')),
    *(("at", f'"2026-01-31T10:00:00{zone}"', False) for zone in ("+99:99", "+25:00", "+05:75")),
    *(("at", f'"2026-01-31T10:00:00{zone}"', True) for zone in ("+00", "+0530", "z", "Z")),
    *(("at", text, False) for text in ('"2026-02-30 10:00:00"', '"2026-13-01 00:00:00"', '"today"', "12")),
    *(("big", text, True) for text in ('"4611686018427387904"', "18446744073709551615")),
    *(("big", text, False) for text in ('"4611686018427387904.0"', '"0x10"', "-1", "1.5", '" 1"')),
    *(("text", text, True) for text in ('{"v":1.10,"big":123456789012345678901}', "1.10", "[1, 2]", '"Doe, John"')),
    *(("document", text, False) for text in ('{"number":1.5}', '{"number":"1"}', "[]", '"x"')),
    *(("document", text, True) for text in ('{"number":1,"list":[null]}', '{"number":1,"list":[[1]]}')),
    *(("pair", text, False) for text in ("[1, 2, 3]", "[1]", "{}")),
    *(("unnamed", text, True) for text in ("1e400", "-1e400", "[[[]]]")),
)


def whole(number: int) -> dict[str, object]:
    return {"id": number, "part": number % 7} | WHOLE


def odd_event(kind: int, number: int) -> tuple[bytes, bool]:
    """A message of one odd kind, and whether its row is to be in the table (or else in quarantine)."""
    kind %= len(ODD_MEMBERS) + 2
    if kind >= len(ODD_MEMBERS):
        event = json.dumps(whole(number)).encode()
        framed = kind == len(ODD_MEMBERS)
        return (b"\x00\x00\x00\x00\x07" + event, False) if framed else (event.replace(b'"part": ', b'"pa'), False)
    name, text, is_stored = ODD_MEMBERS[kind]
    members = {key: json.dumps(value) for key, value in whole(number).items()} | {name: text}
    return b"{%s}" % ", ".join(f'"{key}": {value}' for key, value in members.items()).encode(), is_stored


def message(number: int) -> bytes:
    if number % ONE_IN == ONE_IN // 2:
        return odd_event(number // ONE_IN, number)[0]
    return json.dumps(whole(number)).encode()


def stored_of(sent: int) -> int:
    """How many of the first messages are to be in the table."""
    odd = range(ONE_IN // 2, sent, ONE_IN)
    return sent - sum(1 for number in odd if not odd_event(number // ONE_IN, number)[1])


@dataclass(frozen=True, slots=True)
class Question:
    """One request and the status that it must get; `path` may hold `{pipe}` and `{table}`."""

    method: str
    path: str
    status: int
    body: bytes | None = None
    content_type: str = "application/json"


def _asked(query: str, status: int) -> Question:
    return Question("GET", f"/v0/pipes/narrowed.json?{query}", status)


def _sent(body: object, status: int) -> Question:
    return Question("POST", "/v0/pipes/narrowed.json", status, json.dumps(body).encode())


def _sql(statement: str, status: int) -> Question:
    return Question("GET", f"/v0/sql?q={quote(statement)}", status)


def _posted_sql(statement: str, status: int) -> Question:
    return Question("POST", "/v0/sql", status, statement.encode(), "text/plain")


DOUBLING = (
    "WITH "
    + ", ".join(["a0 AS (SELECT 1 AS x)", *(f"a{n} AS (SELECT l.x FROM a{n - 1} l, a{n - 1} r)" for n in range(1, 22))])
    + " SELECT count() FROM a21"
)
LISTS: tuple[object, ...] = ({"ids": []}, {"names": ["Doe, John"]}, {"names": ["Doe, John", "a"]})
ODD_QUESTIONS: tuple[Question, ...] = (
    *(_asked(f"since={text}", 400) for text in ("2026-13-01", "9999-99-99", "2026-02-30", "2024x01y31")),
    *(_asked(f"from_time={text}", 400) for text in ("2026-01-01%2025:00:00", "yesterday")),
    *(_asked(query, 400) for query in ("limit=-2", "page=-1", "limit=1_0", "limit=%D9%A3", "least=1_0", "limit=x")),
    *(_sent(body, 200) for body in LISTS),
    _sent({"ids": list(range(2000))}, 200),
    _sent({"ids": ["x"]}, 400),
    *(
        _sql(f"SELECT id FROM {{table}} WHERE text = {value} LIMIT 1 FORMAT CSV", 200)
        for value in ("'x'", "'it''s'", r"'\''", "$a$x$a$", "unhex('41')")
    ),
    _sql("SELECT id FROM {table} LIMIT 1 SETTINGS max_threads = 1 FORMAT CSV", 200),
    _sql("SELECT * FROM system.users", 403),
    _sql("SELECT * FROM url('http://127.0.0.1/')", 403),
    _sql("SELEC 1", 400),
    _posted_sql("SELECT " + "(" * 60_000, 400),
    _posted_sql("SELECT " + "1+" * 30_000 + "1", 400),
    _posted_sql(" UNION ALL ".join(["SELECT 1"] * 3000), 200),
    _posted_sql(DOUBLING, 400),
    Question("GET", "/v0/pipes/", 200),
    Question("GET", "/v0/pipes/nothing.json", 404),
    Question("GET", "/v0/pipes/narrowed.csvwithnames?__tb__csv_header=0", 200),
    Question("BREW", "/v0/pipes/narrowed.json", 405),
    Question("GET", "/v0/pipes/narrowed.json?text=" + "x" * 40_000, 414),
    Question("POST", "/v0/events?name=nothing", 404, b"{}"),
    Question("POST", "/v0/pipes/narrowed.json", 400, b'{"limit": '),
    Question("OPTIONS", "/v0/pipes/narrowed.json", 204),
)
GOOD_QUESTION = _asked("limit=3&order=id", 200)


class Caller(Callers):
    """Asks and posts on some connections until it is stopped; keeps whatever was not answered as it must be."""

    def __init__(self, house: FaultHouse, service: Service, threads: int = 3) -> None:
        super().__init__(threads)
        self.asked = self.posted = 0
        self._house, self._service = house, service
        self._lock = threading.Lock()

    def take_turn(self, number: int) -> None:
        try:
            self._ask_or_post(number)
        except (OSError, http.client.HTTPException) as error:
            self.wrong.append(f"{type(error).__name__}: {error}")

    def _ask_or_post(self, turn: int) -> None:
        """Each odd question once, then one in a hundred."""
        later = turn - len(ODD_QUESTIONS)
        if later < 0:
            self._ask(ODD_QUESTIONS[turn])
        elif later % ONE_IN == 0:
            self._ask(ODD_QUESTIONS[later // ONE_IN % len(ODD_QUESTIONS)])
        elif turn % 2:
            self._ask(GOOD_QUESTION)
        else:
            self._post()

    def _ask(self, question: Question) -> None:
        path = question.path.replace("%7Btable%7D", self._house.name).replace("{table}", self._house.name)
        body = question.body.replace(b"{table}", self._house.name.encode()) if question.body else None
        status, answer = ask(self._service.port, question.method, path, body)
        self.asked += 1
        if status != question.status:
            self.wrong.append(f"{question.method} {path[:120]} {(body or b'')[:80]!r}: {status}: {answer[:200]!r}")

    def _post(self) -> None:
        """One event, sent until it is taken: what is sent again keeps its number, so that it would be doubled."""
        with self._lock:
            number = self.posted
            self.posted += 1
        is_odd = number % ONE_IN == 0
        event = json.dumps(whole(FIRST_POSTED + number)).encode()
        if is_odd:
            event = odd_event(number // ONE_IN, FIRST_POSTED + number)[0]
        status, answer = ask(self._service.port, "POST", f"/v0/events?name={self._house.name}", event)
        if status >= 300:
            self.wrong.append(f"POST event: {status}: {answer[:200]!r}")


@contextlib.contextmanager
def unfinished_heads(port: int, count: int = 20) -> Iterator[None]:
    """Connections that begin a request and never end its head."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            begun = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            begun.sendall(b"GET /v0/pipes/narrowed.json HTTP/1.1\r\nHost: a")
        yield


def _answers(port: int, path: str) -> bool:
    return ask(port, "GET", path)[0] == 200


@fault(
    "mixed load, a hundredth of it bad",
    Setup(columns=COLUMNS, message=message, files={"pipes/narrowed.pipe": PIPE}),
)
def mixed(house: FaultHouse) -> None:
    house.start()
    service = serve(house)
    caller = Caller(house, service)
    try:
        caller.start()
        with unfinished_heads(service.port):
            time.sleep(MINUTES * 60)
        caller.stop()
        house.posted = caller.posted
        print(f"{caller.asked} questions, {caller.posted} events posted, {len(caller.wrong)} answers wrong")
        print(*caller.wrong[:20], sep="\n")
        assert caller.asked > 0
        assert caller.posted > 0
        house.demand(lambda: not caller.wrong, "every request is answered as it must be")
        for port in (service.admin_port, house.admin_port):
            house.demand(partial(_answers, port, "/livez"), "every thread is alive")
            house.demand(partial(_answers, port, "/readyz"), "both services are ready")
        stored = f"SELECT count() FROM {{db}}.`{house.name}` WHERE id < {FIRST_POSTED}"
        house.demand(lambda: house.sql(stored)[0][0] == stored_of(house.load.sent), "what fits, and no more, is stored")
        house.judge()
    finally:
        caller.stop()
        service.process.kill()
        service.process.wait()
