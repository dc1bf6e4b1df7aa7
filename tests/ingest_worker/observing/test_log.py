"""The log: every kind of observation has a line or is named as one that has none."""

from __future__ import annotations

import logging
from typing import get_args

import pytest

from ingest_worker.observing.log import COUNTED_ONLY, LINES, log_observation
from ingest_worker.observing.observations import MessagesConsumed, Observation, OwnershipTaken


def test_no_kind_of_observation_is_forgotten() -> None:
    assert set(LINES) | COUNTED_ONLY == set(get_args(Observation))
    assert not set(LINES) & COUNTED_ONLY


def test_a_line_carries_the_members_as_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ingest_worker"):
        log_observation(OwnershipTaken("group", ("t/0", "t/1"), 0.123456))
        log_observation(MessagesConsumed("events", "topic", 1, 1))
    (record,) = caplog.records
    assert record.getMessage() == "took ownership"
    assert record.__dict__["fields"] == {"group": "group", "partitions": "t/0, t/1", "seconds": 0.1235}
