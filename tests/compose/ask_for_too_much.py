"""Asks ClickHouse, as the API's user, for what that user must not have; run inside the API's container."""

from __future__ import annotations

import os
import urllib.error
import urllib.request

REFUSED = (
    "INSERT INTO birdhouse.events (event_id) VALUES ('forged')",
    "CREATE TABLE birdhouse.mine (a Int8) ENGINE = MergeTree ORDER BY a",
    "DROP TABLE birdhouse.events",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:8123/ping', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1', 'system.one')",
    "SELECT name FROM system.users",
    "SELECT 1 SETTINGS readonly = 0",
)


def ask(sql: str) -> str:
    """ClickHouse's answer, or what it says against it."""
    user = {
        "X-ClickHouse-User": os.environ["CLICKHOUSE_USER"],
        "X-ClickHouse-Key": os.environ["CLICKHOUSE_PASSWORD"],
    }
    request = urllib.request.Request(os.environ["CLICKHOUSE_URL"], data=sql.encode(), headers=user)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def main() -> None:
    assert int(ask("SELECT count() FROM birdhouse.events")) >= 1
    for sql in REFUSED:
        answer = ask(sql)
        assert "ACCESS_DENIED" in answer or "READONLY" in answer, f"{sql}: {answer}"


if __name__ == "__main__":
    main()
