"""The log: what is observed often has no line, and the others carry their members."""

from __future__ import annotations

import logging

import pytest

from ingest_worker.observing.consuming import MessagesConsumed
from ingest_worker.observing.log import log_observation
from ingest_worker.observing.takeovers import OwnershipTaken


def test_a_line_carries_the_members_as_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ingest_worker"):
        log_observation(OwnershipTaken("group", ("t/0", "t/1"), 0.123456))
        log_observation(MessagesConsumed("events", "topic", 1, 1))
    (record,) = caplog.records
    assert record.getMessage() == "took ownership"
    assert record.__dict__["fields"] == {"group": "group", "partitions": "t/0, t/1", "seconds": 0.1235}
