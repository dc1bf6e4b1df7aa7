"""The whole product with least rights: a broker with SASL_SSL, mTLS and ACLs, a ClickHouse behind TLS, not in UTC."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.in_process import api_is_not_ready_because, birdhouse, worker_waits_because
from tests.integration.connections.secured_house import SECRET, House, Running, ready, services, until
from tests.secured.certificates import Authority
from tests.secured.tls_clickhouse import DATABASE, PASSWORDS, ZONE

pytestmark = pytest.mark.timeout(300)

# In New York each of these is on another day, and the first in another month.
MIDNIGHT = {"at": "2024-02-01 00:30:00", "precise": "2024-02-01 00:30:00.125", "visitor": "a"}
NOON = {"at": "2024-02-02T12:00:00Z", "visitor": "b"}
ROW = {
    "visitor": "a",
    "at": "2024-02-01 00:30:00",
    "precise": "2024-02-01 00:30:00.125",
    "text": "2024-02-01 00:30:00",
    "day": "2024-02-01",
    "hour": 0,
    "start": "2024-02-01 00:00:00",
    "age": 0,
    "same": 1,
}


def test_times_are_utc_from_the_event_to_the_answer_also_after_clickhouse_was_started_again(
    house: House, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    deployed = birdhouse(house.ingest(), "deploy")
    assert deployed.returncode == 0, deployed.stderr
    assert birdhouse(house.ingest(), "deploy", "--check").stdout.startswith("nothing to do")
    with services(house, log) as running:
        told = running.send(MIDNIGHT, NOON, {"at": "yesterday", "visitor": "c"})
        assert (told["successful_rows"], told["quarantined_rows"]) == (2, 1)
        check_answers(running)
        # ClickHouse reads the tables' definitions again, in its own zone, and merges by them.
        house.clickhouse.server.kill()
        assert house.clickhouse.server.start()
        until(lambda: ready(running.api_admin) and ready(running.worker_admin), log)
        check_answers(running)
        running.send({**MIDNIGHT, "visitor": "0"})
        check_stored(house)
        rows = running.ask(until="2024-02-01")
        assert [row["visitor"] for row in rows] == ["0", "a"]
        check_operations(house)
    text = log.read_text()
    assert "hunter2" not in text
    assert SECRET not in text
    assert text.count("`KAFKA_URI` does nothing: librdkafka has no property `uri`") == 2


def check_answers(running: Running) -> None:
    assert running.ask()[0] == ROW
    assert [row["visitor"] for row in running.ask(since="2024-02-01 00:30:00", until="2024-02-01")] == ["a"]
    assert [row["visitor"] for row in running.ask(since="2024-02-01T00:30:01Z")] == ["b"]
    assert running.ask(since="2024-02-02 12:00:01") == []


def check_stored(house: House) -> None:
    with house.clickhouse.client() as client:
        assert client.query("SELECT serverTimezone(), timezone()").result_rows == [(ZONE, ZONE)]
        partitions = (
            "SELECT DISTINCT partition FROM system.parts WHERE database = {d:String} AND table = 'visits' AND active"
        )
        assert client.query(partitions, parameters={"d": DATABASE}).result_rows == [("202402",)]
        client.command(f"OPTIMIZE TABLE {DATABASE}.visits FINAL")
        order = f"SELECT groupArray(visitor) FROM (SELECT visitor FROM {DATABASE}.visits ORDER BY _part, _part_offset)"
        assert client.query(order).result_rows == [(["0", "a", "b"],)]
        date = f"SELECT insertion_date > now() - 600 FROM {DATABASE}.visits_quarantine"
        assert client.query(date).result_rows == [(1,)]


def check_operations(house: House) -> None:
    environment = house.operator()
    verified = birdhouse(environment, "verify")
    assert (verified.returncode, "wrong" in verified.stdout) == (0, False), verified.stdout + verified.stderr
    offsets = birdhouse(environment, "offsets", "--data-source", "visits")
    assert "committed" in offsets.stdout, offsets.stderr
    replayed = birdhouse(environment, "replay", "--data-source", "visits", "--since", "2020-01-01T00:00:00")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    explained = birdhouse(house.api(), "explain", "visits_since", "since=2024-02-01 00:00:00")
    assert "visits: " in explained.stdout, explained.stderr


def test_secrets_are_replaced_while_everything_runs(house: House, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert birdhouse(house.ingest(), "deploy").returncode == 0
    logins, api = house.clickhouse.front.logins, f"birdhouse_api:{PASSWORDS['birdhouse_api']}"
    logins["rotated:first one"] = api
    password = house.file("clickhouse-password", "first one")
    rotated = {"CLICKHOUSE_USER": "rotated", "CLICKHOUSE_PASSWORD_FILE": str(password)}
    with services(house, log, **rotated) as running:
        running.send(NOON)
        house.file("clickhouse-password", "second one")
        logins["rotated:second one"] = logins.pop("rotated:first one")
        house.kafka.set_password("api", "the second password")
        house.file("kafka-password", "the second password")
        time.sleep(2)
        # By then the broker has asked every connection for the password again.
        for _ in range(8):
            assert running.send(NOON)["successful_rows"] == 1
            assert running.ask()
            time.sleep(1)
        before = running.token
        house.file("secret", SECRET + " anew")
        try:
            running.token = birdhouse(house.shared, "tokens", "admin").stdout.strip()
            assert running.token != before
            until(lambda: answers(running), log, 10)
            running.token = before
            assert not answers(running)
        finally:
            house.file("secret", SECRET)
    assert "the second password" not in log.read_text()


def answers(running: Running) -> bool:
    try:
        return bool(running.ask())
    except urllib.error.HTTPError as error:
        if error.code != 403:
            raise
        return False


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"CLICKHOUSE_CA_FILE": ""}, "cannot be reached: its certificate is signed by a CA that we do not trust"),
        (
            {"CLICKHOUSE_CERT_FILE": "", "CLICKHOUSE_KEY_FILE": ""},
            "CLICKHOUSE_CERT_FILE and CLICKHOUSE_KEY_FILE give one",
        ),
        ({"CLICKHOUSE_USER": "nobody"}, "does not let the user `nobody` in"),
    ],
    ids=["CA", "client certificate", "user"],
)
def test_what_clickhouse_has_against_us_is_told_by_every_command_and_service(
    house: House, changes: dict[str, str], told: str
) -> None:
    wrong = birdhouse(house.ingest(**changes), "deploy")
    assert wrong.returncode == 1
    assert f"ClickHouse at `{house.clickhouse.front.url('/clickhouse/')}` " in wrong.stderr
    assert told in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert told in worker_waits_because(house.ingest(BIRDHOUSE_INGEST_ADMIN_PORT="0", **changes))
    assert told in asyncio.run(api_is_not_ready_because(house.api(**changes)))


@pytest.mark.parametrize(
    ("variable", "value"),
    [("KAFKA_SASL_PASSWORD", "hunter2hunter2"), ("KAFKA_SASL_USERNAME", "nobody")],
    ids=["password", "user"],
)
def test_what_kafka_has_against_us_is_told_without_the_secret(house: House, variable: str, value: str) -> None:
    wrong = birdhouse(house.operator(**{variable: value}), "offsets", "--data-source", "visits")
    assert wrong.returncode == 1
    assert "uthentication failed" in wrong.stderr
    assert "hunter2" not in wrong.stderr


def test_a_certificate_of_another_ca_and_a_user_without_rights_are_told_by_kafka(house: House, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "other")
    stranger = house.operator() | house.kafka.certified("worker", other)
    for name in ("KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"):
        stranger.pop(name)
    assert birdhouse(stranger, "offsets", "--data-source", "visits").returncode == 1
    unknown = {**stranger, **house.kafka.certified("somebody")}
    wrong = birdhouse(unknown, "offsets", "--data-source", "visits")
    assert wrong.returncode == 1
    assert "uthoriz" in wrong.stderr or "no topic" in wrong.stderr
