"""The summary and the exit code."""

from __future__ import annotations

import json

import pytest

from deploy.operations.replay.render import exit_code, render_json, render_text
from deploy.operations.replay.request import Request
from deploy.operations.replay.result import PartitionResult
from ingest_worker.storing.ranges import OffsetRange

FILL = Request("events", (0,), 0, 9)
DONE = PartitionResult("topic", "id", 0, OffsetRange(0, 9), present=4, stored=6, quarantined=1)
LOST = PartitionResult("topic", "id", 1, OffsetRange(5, 9), stored=5, lost=3)
BEYOND = PartitionResult("topic", "id", 1, None, beyond=OffsetRange(0, 9))


@pytest.mark.parametrize(
    ("results", "code"), [([DONE], 0), ([DONE, LOST], 2), ([BEYOND], 2), ([], 2), ([DONE, DONE], 0)]
)
def test_exit_code(results: list[PartitionResult], code: int) -> None:
    assert exit_code(results) == code


def test_text_says_what_was_done_and_what_was_not() -> None:
    text = render_text([DONE, LOST, BEYOND], FILL)
    assert "events  topic/0  0-9  stored 6 (1 of them in quarantine), already there 4" in text
    assert "lost: 3 offsets are not stored" in text
    assert "not touched: 0-9 is not committed yet" in text


def test_a_dry_run_says_what_would_be_done() -> None:
    looked = PartitionResult("topic", "id", 0, OffsetRange(0, 9), present=4, missing=6, deleted=3, still_wrong=2)
    asked = [
        (Request("events", (0,), 0, 9, is_check=True), "stored 4, not stored 6"),
        (Request("events", (0,), 0, 9, replaces=True, is_check=True), "would delete 3 rows and store 6 offsets anew"),
        (Request("events", from_quarantine=True, is_check=True), "would move 6, still wrong 2"),
    ]
    for request, expected in asked:
        assert expected in render_text([looked], request)


def test_nothing_to_look_at_is_said() -> None:
    assert "quarantine holds nothing" in render_text([], Request("events", from_quarantine=True))


def test_json_gives_the_same() -> None:
    document = json.loads(render_json([DONE, LOST], FILL))
    assert document["partitions"][0]["range"] == [0, 9]
    assert [part["stored"] for part in document["partitions"]] == [6, 5]
