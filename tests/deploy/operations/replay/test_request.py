"""What makes no sense is refused, with words that say what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.errors import ReplayError
from deploy.operations.replay.request import Request, check_table
from ingest_worker.storing.ranges import OffsetRange
from schemas.model import DataSource, Engine

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
EARLIER, LATER = datetime(2026, 1, 30, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "nothing says what to replay"),
        ({"from_offset": 1}, "go together"),
        ({"to_offset": 1, "partitions": (0,)}, "go together"),
        ({"from_offset": 0, "to_offset": 9}, "--partition N"),
        ({"from_offset": 0, "to_offset": 9, "partitions": (0,), "since": EARLIER}, "two questions"),
        ({"from_offset": 9, "to_offset": 8, "partitions": (0,)}, "`--to-offset` is below `--from-offset`"),
        ({"since": LATER}, "`--since 2026-02-01T00:00:00+00:00` is in the future"),
        ({"since": EARLIER, "until": LATER}, "`--until 2026-02-01T00:00:00+00:00` is in the future"),
        ({"until": EARLIER, "from_quarantine": True}, "`--since` begins"),
        ({"since": EARLIER, "until": EARLIER}, "not after"),
        ({"from_quarantine": True, "replaces": True}, "`--replace` reads from Kafka"),
    ],
)
def test_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ReplayError) as refused:
        Request("events", **asked).check(NOW)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "asked",
    [
        {"from_offset": 0, "to_offset": 0, "partitions": (3, 4)},
        {"since": EARLIER},
        {"since": EARLIER, "until": NOW, "replaces": True},
        {"from_quarantine": True},
        {"from_quarantine": True, "since": EARLIER, "partitions": (1,)},
    ],
)
def test_is_taken(asked: dict[str, Any]) -> None:
    Request("events", **asked).check(NOW)


def test_offsets_are_inclusive() -> None:
    assert Request("events", from_offset=3, to_offset=5).offsets == OffsetRange(3, 5)


FILL = Request("events", since=EARLIER)
REPLACE = Request("events", since=EARLIER, replaces=True)
QUARANTINE = Request("events", from_quarantine=True)
TTL = Engine(ttl="ts + INTERVAL 1 DAY")


@pytest.mark.parametrize(
    ("engine", "request_", "headers", "message"),
    [
        (Engine("ReplacingMergeTree"), FILL, False, "merges rows"),
        (Engine("SummingMergeTree"), REPLACE, False, "merges rows"),
        (Engine("Null"), FILL, False, "stores no rows"),
        (TTL, FILL, False, "has a TTL"),
        (Engine(), QUARANTINE, True, "headers"),
        (Engine("Join"), QUARANTINE, False, "does not know a batch"),
    ],
)
def test_a_table_of_which_nobody_can_tell_is_refused(
    engine: Engine, request_: Request, headers: bool, message: str
) -> None:
    with pytest.raises(ReplayError) as refused:
        check_table(DataSource("events", (), engine), request_, keeps_headers=headers)
    assert message in str(refused.value)
    assert "hint:" in str(refused.value)


@pytest.mark.parametrize(
    ("engine", "request_"),
    [(Engine(), FILL), (Engine(), REPLACE), (TTL, REPLACE), (Engine("ReplacingMergeTree"), QUARANTINE)],
)
def test_others_are_taken(engine: Engine, request_: Request) -> None:
    check_table(DataSource("events", (), engine), request_, keeps_headers=False)
