"""A ClickHouse that cannot be reached, or only by a path: every command and service says the same of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from bench.systems.server_command import free_port
from tests.in_process import api_is_not_ready_because, birdhouse, worker_waits_because
from tests.secured.certificates import HERE, Authority
from tests.secured.front import Front, front
from tests.servers import ClickHouseServer, ServerUnavailableError

pytestmark = [pytest.mark.needs("clickhouse"), pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    try:
        return Authority(tmp_path_factory.mktemp("certificates"))
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def environment(clickhouse: ClickHouseServer, database: str, tmp_path: Path) -> dict[str, str]:
    ours = ("BIRDHOUSE_", "KAFKA_", "CLICKHOUSE_")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "CLICKHOUSE_URL": clickhouse.url,
        "CLICKHOUSE_USER": clickhouse.user,
        "CLICKHOUSE_PASSWORD": clickhouse.password,
        "CLICKHOUSE_DATABASE": database,
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "BIRDHOUSE_SECRET": "a secret of the tests",
        "BIRDHOUSE_INGEST_ADMIN_PORT": "0",
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    }


def started_worker(environment: dict[str, str], told: Callable[[str], bool]) -> bool:
    """Whether the worker, as a process, writes such a line to its log."""
    with subprocess.Popen(
        [sys.executable, "-m", "ingest_worker"], env=environment, stderr=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stderr is not None
        try:
            return any(map(told, worker.stderr))
        finally:
            worker.kill()


def check(environment: dict[str, str], told: str) -> None:
    found = birdhouse(environment, "deploy")
    assert found.returncode == 1
    assert f"ClickHouse at `{environment['CLICKHOUSE_URL']}` {told}" in found.stderr
    assert f"ClickHouse {told}" in asyncio.run(api_is_not_ready_because(environment))
    assert f"ClickHouse {told}" in worker_waits_because(environment)


def nobody() -> AbstractContextManager[Front]:
    return nullcontext(Front(free_port()))


def page(status: int) -> AbstractContextManager[Front]:
    return front(None, status=status)


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (nobody(), "cannot be reached: connection refused"),
        (page(404), "cannot be asked: what answers there is no ClickHouse: HTTP status 404"),
        (page(502), "cannot be asked: what answers there is no ClickHouse: HTTP status 502"),
        (page(200), "cannot be asked: what answers there is no ClickHouse"),
    ],
    ids=["nobody", "another path", "a gateway", "another server"],
)
def test_what_is_not_there_is_told(
    environment: dict[str, str], there: AbstractContextManager[Front], told: str
) -> None:
    with there as here:
        check({**environment, "CLICKHOUSE_URL": here.url(scheme="http")}, told)


def test_it_is_in_the_log_of_the_worker(environment: dict[str, str]) -> None:
    nowhere = {**environment, "CLICKHOUSE_URL": Front(free_port()).url(scheme="http")}
    assert started_worker(nowhere, lambda line: "ClickHouse cannot be reached: connection refused" in line)


def test_a_host_that_is_not_known_is_told(environment: dict[str, str]) -> None:
    check(
        {**environment, "CLICKHOUSE_URL": "http://clickhouse.invalid:8123"},
        "cannot be reached: its host name is not known",
    )


def test_who_is_not_let_in_is_told_without_the_password(environment: dict[str, str]) -> None:
    wrong = {**environment, "CLICKHOUSE_PASSWORD": "hunter2hunter2"}
    check(wrong, f"does not let the user `{environment['CLICKHOUSE_USER']}` in")
    assert "hunter2" not in birdhouse(wrong, "deploy").stderr


@pytest.mark.parametrize(
    ("names", "days", "is_trusted", "told"),
    [
        (HERE, 2, False, "is signed by a CA that we do not trust"),
        (HERE, -1, True, "has expired"),
        (("DNS:elsewhere.example",), 2, True, "is for another host name"),
    ],
    ids=["unknown CA", "expired", "another host"],
)
def test_what_is_wrong_with_a_certificate_is_told(
    environment: dict[str, str], authority: Authority, names: tuple[str, ...], days: int, is_trusted: bool, told: str
) -> None:
    context = authority.server_context(authority.sign("server", names, days=days))
    trusted = {"CLICKHOUSE_CA_FILE": str(authority.certificate)} if is_trusted else {}
    with front(None, tls=context) as here:
        check({**environment, **trusted, "CLICKHOUSE_URL": here.url()}, f"cannot be reached: its certificate {told}")


def test_tls_where_there_is_none_is_told(environment: dict[str, str], clickhouse: ClickHouseServer) -> None:
    url = clickhouse.url.replace("http://", "https://")
    check({**environment, "CLICKHOUSE_URL": url}, "cannot be reached: it does not speak TLS")


@pytest.mark.parametrize("written", ["/clickhouse/", "/click/house"])
def test_a_path_is_taken_by_every_command_and_service_and_no_proxy_is(
    environment: dict[str, str],
    clickhouse: ClickHouseServer,
    clickhouse_client: Client,
    database: str,
    written: str,
) -> None:
    with front(clickhouse.url, path=written) as here:
        environment["CLICKHOUSE_URL"] = here.url(written, scheme="http")
        deployed = birdhouse(environment, "deploy")
        assert deployed.returncode == 0, deployed.stderr
        assert clickhouse_client.query(f"SELECT count() FROM `{database}`.events").result_rows == [(0,)]
        assert "ClickHouse" not in asyncio.run(api_is_not_ready_because(environment))
        explained = birdhouse(environment, "explain", "event_stats")
        assert explained.returncode == 0, explained.stderr
        # It gets past ClickHouse, to the broker that is not there.
        assert started_worker(environment, lambda line: "kafka" in line.lower())
        below = written.rstrip("/")
        # Questions go to the path itself; only the worker's looks ask what ClickHouse has for them.
        assert f"{below}/ping" in here.seen
        assert {path.rstrip("/") for path in here.seen} == {below, f"{below}/ping"}
