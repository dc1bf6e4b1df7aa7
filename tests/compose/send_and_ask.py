"""Sends one event to a running API and waits until a question is answered with it; needs nothing but Python."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
import uuid
from datetime import UTC, datetime
from typing import Any

# A first event waits for the consumer group to form; afterwards it takes about a second.
ANSWER_SECONDS = 60.0


def call(url: str, token: str, body: bytes | None = None) -> dict[str, Any]:
    """The JSON answer of a GET, or of a POST with a body. Raises `urllib.error.HTTPError` for a refusal."""
    request = urllib.request.Request(url, data=body, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def main(url: str, token: str) -> None:
    user = f"user_{uuid.uuid4().hex}"
    event = {
        "event_id": "ev_1",
        "event_type": "page_view",
        "user_id": user,
        "session_id": "sess_1",
        "timestamp": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        "platform": "web",
        "app_version": "1.0.0",
        "device_type": "desktop",
        "os": "Linux",
        "country": "FR",
        "properties": {"referrer": "a friend"},
    }
    taken = call(f"{url}/v0/events?name=events", token, json.dumps(event).encode())
    assert taken == {"successful_rows": 1, "quarantined_rows": 0}, taken
    give_up = time.monotonic() + ANSWER_SECONDS
    rows: list[dict[str, Any]] = []
    while not rows and time.monotonic() < give_up:
        rows = call(f"{url}/v0/pipes/get_events.json?user_id={user}", token)["data"]
        time.sleep(0.2)
    assert [row["event_type"] for row in rows] == ["page_view"], rows
    statistics = call(f"{url}/v0/pipes/event_stats.json", token)["data"]
    assert any(row["event_type"] == "page_view" for row in statistics), statistics


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), os.environ["API_TOKEN"])
