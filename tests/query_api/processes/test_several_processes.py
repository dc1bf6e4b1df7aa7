"""Several processes as one API: who gets which connection, what outlives one that is killed, what all of them count."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial

import jwt
import pytest

from tests.query_api.processes.running import TOKEN, FakeClickHouse, Running, write_project

pytestmark = [pytest.mark.sockets, pytest.mark.slow]  # each starts processes, which takes seconds

QUICK, SLOW = "/v0/pipes/quick.json", "/v0/pipes/slow.json?n={}"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def connected(api: Running, stack: ExitStack) -> http.client.HTTPConnection:
    """A connection that is kept, and has been answered once."""
    connection = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", api.port, timeout=20)))
    assert asked(connection) == 200
    return connection


def asked(connection: http.client.HTTPConnection, path: str = QUICK) -> int:
    connection.request("GET", path, headers=HEADERS)
    response = connection.getresponse()
    response.read()
    return response.status


def has_connections(api: Running, number: int) -> bool:
    return sum(int(each["connections"]) for each in api.processes()) == number


def test_a_burst_of_connections_is_spread_evenly(api: Running) -> None:
    # One that is not there yet gets none.
    api.until(lambda: [each["state"] for each in api.processes()] == ["answering"] * 2)
    with ExitStack() as stack, ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: connected(api, stack), range(16)))
        api.until(lambda: [each["connections"] for each in api.processes()] == [8, 8])
    # Those that are closed make room for others.
    api.until(lambda: [each["connections"] for each in api.processes()] == [0, 0])


def test_connections_go_where_the_fewest_are(api: Running) -> None:
    with ExitStack() as kept:
        for number in range(1, 4):
            with ExitStack() as stack:
                connected(api, kept)
                connected(api, stack)  # to the other process, and closed again
            api.until(partial(has_connections, api, number))
        assert sorted(each["connections"] for each in api.processes()) == [1, 2]


def test_a_killed_process_takes_no_other_request_with_it(api: Running, clickhouse: FakeClickHouse) -> None:
    before = api.metric("birdhouse_api_requests_total"), api.metric("birdhouse_api_process_ends_total")
    came = clickhouse.slow
    with ExitStack() as stack, ThreadPoolExecutor(9) as pool:
        kept = [connected(api, stack) for _ in range(8)]
        waiting = [pool.submit(asked, connection, SLOW.format(n)) for n, connection in enumerate(kept)]
        api.until(lambda: clickhouse.slow == came + 8)
        victim, other = api.processes()
        os.kill(victim["pid"], signal.SIGKILL)
        is_over = threading.Event()

        def go_on() -> set[int]:
            statuses = set()
            while not is_over.is_set():
                statuses.add(api.ask(QUICK)[0])
            return statuses

        asking = pool.submit(go_on)
        api.until(lambda: api.processes()[0]["pid"] != victim["pid"] and api.processes()[0]["state"] == "answering")
        is_over.set()
        assert asking.result() == {200}
        clickhouse.gate.set()
        ends = [future.exception() is None and future.result() == 200 for future in waiting]
        # Those of the killed process broke; those of the other were answered.
        assert ends.count(True) == 4
    assert api.processes()[1]["pid"] == other["pid"]
    assert api.metric("birdhouse_api_process_ends_total") == before[1] + 1
    # What the killed one had counted still counts.
    assert api.metric("birdhouse_api_requests_total") > before[0] + 12
    line = api.lines("ended and is started again")[-1]
    assert (line["how"], line["pid"]) == ("killed by SIGKILL", victim["pid"])


def test_a_process_that_is_slow_to_answer_many_looks_is_not_killed(api: Running) -> None:
    slow = api.processes()[1]["pid"]
    os.kill(slow, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(10) as pool:
            assert len(list(pool.map(lambda _: api.status(), range(10)))) == 10
    finally:
        os.kill(slow, signal.SIGCONT)
    api.until(lambda: api.processes()[1]["state"] == "answering")
    assert api.processes()[1]["pid"] == slow


def test_queries_of_all_are_summed(api: Running, clickhouse: FakeClickHouse) -> None:
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(api.ask, SLOW.format(n)) for n in range(4)]
        api.until(lambda: api.metric("birdhouse_api_queries_running ") == 4)
        assert [each["queries_running"] for each in api.processes()] == [2, 2]
        assert api.status()["queries_running"] == 4
        clickhouse.gate.set()
        assert {future.result()[0] for future in waiting} == {200}
    api.until(lambda: api.metric("birdhouse_api_queries_running ") == 0)


def test_the_metrics_have_the_names_of_one_process(api: Running) -> None:
    api.ask(QUICK)
    text = api.ask("/metrics", api.admin_port)[1].decode()
    assert 'birdhouse_api_requests_total{resource="quick",route="pipe",status="200"}' in text
    assert 'birdhouse_api_request_seconds_bucket{le="0.005",resource="quick",route="pipe"}' in text
    assert "birdhouse_api_processes_answering 2.0" in text
    # One that says no says it for all.
    assert 'birdhouse_api_server_reachable{server="ClickHouse"} 1.0' in text
    assert "pid=" not in text


def test_each_reason_is_told_once(api: Running) -> None:
    # Both processes have asked Kafka after a while.
    api.until(
        lambda: (
            not any("no answer yet" in each for each in json.loads(api.ask("/readyz", api.admin_port)[1])["reasons"])
        )
    )
    status, body = api.ask("/readyz", api.admin_port)
    assert status == 503
    assert len([reason for reason in json.loads(body)["reasons"] if "Kafka" in reason]) == 1
    assert api.ask("/livez", api.admin_port)[0] == 200


def test_lines_say_which_process(api: Running) -> None:
    for _ in range(4):
        api.ask(QUICK)
    api.until(lambda: {line["process"] for line in api.lines("request")} >= {0, 1})
    assert "process" not in api.lines("listening")[0]


def test_a_rate_limit_is_that_of_all_processes(api: Running) -> None:
    claims = {
        "name": "page",
        "exp": int(time.time()) + 600,
        "scopes": [{"type": "PIPES:READ", "resource": "quick"}],
        "limits": {"rps": 10},
    }
    token = jwt.encode(claims, TOKEN, algorithm="HS256")
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: api.ask(QUICK, token=token)[0], range(60)))
    seconds = time.monotonic() - began
    assert set(statuses) == {200, 429}
    assert 10 <= statuses.count(200) <= 10 * (1 + seconds)


def test_a_swap_reaches_all_and_holds_up_nobody(api: Running) -> None:
    before = api.status()["project"]
    is_over = threading.Event()

    def go_on() -> set[int]:
        statuses = set()
        with ExitStack() as stack:
            connection = connected(api, stack)
            while not is_over.is_set():
                statuses.add(asked(connection))
        return statuses

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(go_on) for _ in range(2)]
        write_project(api.project, quick="SELECT 'quick'", slow="SELECT 'slow'", fresh="SELECT 'fresh'")
        os.kill(api.process.pid, signal.SIGHUP)
        api.until(lambda: api.lines("the project was read anew"))
        is_over.set()
        assert [future.result() for future in asking] == [{200}, {200}]
    for _ in range(4):
        assert api.ask("/v0/pipes/fresh.json")[0] == 200
    status = api.status()
    assert status["pipes"] == ["fresh", "quick", "slow"]
    assert status["project"] != before


def test_a_project_with_a_problem_is_not_swapped_in(api: Running) -> None:
    before = api.status()["project"]
    refused = api.metric('birdhouse_api_project_swaps_total{outcome="refused"}')
    file = api.project / "broken.pipe"
    file.write_text("NODE endpoint\nSQL >\n    SELECT 1\nTYPE nonsense\n")
    try:
        os.kill(api.process.pid, signal.SIGHUP)
        api.until(lambda: api.metric('birdhouse_api_project_swaps_total{outcome="refused"}') == refused + 1)
        line = api.lines("the one before goes on")[-1]
        assert "broken.pipe:4" in line["problem"]
        assert line["problem"].count("nonsense") == line["problem"].partition("\n\n")[0].count("nonsense")
        assert api.status()["project"] == before
        assert {api.ask(QUICK)[0] for _ in range(4)} == {200}
    finally:
        file.unlink()


def test_a_process_that_is_started_again_answers_for_the_same_project_as_the_others(api: Running) -> None:
    write_project(api.project, quick="SELECT 'quick'", slow="SELECT 'slow'", later="SELECT 'later'")
    os.kill(api.processes()[0]["pid"], signal.SIGKILL)
    api.until(lambda: "later" in api.status()["pipes"])
    api.answers()
    assert {api.ask("/v0/pipes/later.json")[0] for _ in range(6)} == {200}
