"""What is odd about a takeover, from the fence table and the group's offset."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ingest_worker.storing.fence.ownership import new_owner
from ingest_worker.storing.fence.scan import OffsetTables
from ingest_worker.storing.partitions import FeedPartition
from ingest_worker.storing.record import FeedProgress, Record
from ingest_worker.takeover.handover import Oddity, made_again, oddities, oddity_of, refused, skipped
from ingest_worker.takeover.partition import Partition
from tests.ingest_worker.fakes import FakeClient

FED = FeedPartition("events", "topic", 0)
OURS, THEIRS = "ours", "theirs"
OWNERS = {OURS: new_owner("group"), THEIRS: new_owner("another")}
KEEPS, FORGETS = (
    OffsetTables(("events", "events_quarantine")),
    OffsetTables(("events_quarantine",), keeps_every_row=False),
)


def partition(committed: int | None, *, recorded: bool) -> Partition:
    record = Record("id", {"events": FeedProgress(committed or 0)}) if recorded else None
    return Partition("topic", 0, "id", committed or 0, committed, record, had_offset=committed is not None)


@pytest.mark.parametrize(
    ("former", "committed", "recorded", "expected"),
    [
        (None, None, False, None),  # a new group on a new topic
        (None, 500, False, None),  # a group that something else used before
        (None, 500, True, None),
        (OURS, 500, True, None),  # the ordinary takeover
        (OURS, 500, False, Oddity.OFFSET_SET),
        (OURS, None, False, Oddity.OFFSET_GONE),
        (THEIRS, 500, True, Oddity.OTHER_GROUP),
        (THEIRS, 500, False, Oddity.OTHER_GROUP),
        (THEIRS, None, False, Oddity.OTHER_GROUP),
    ],
)
def test_what_is_odd(former: str | None, committed: int | None, recorded: bool, expected: Oddity | None) -> None:
    owner = OWNERS[former] if former is not None else None
    assert oddity_of(partition(committed, recorded=recorded), owner, "group") is expected


def test_where_a_worker_began_says_nothing_of_what_is_stored() -> None:
    began = Partition("topic", 0, "id", 500, 500, Record("id", {}, 6), had_offset=True)
    assert oddity_of(began, OWNERS[OURS], "group") is Oddity.OFFSET_GONE
    assert oddity_of(began, None, "group") is None


def test_a_broker_that_keeps_no_records_makes_a_missing_one_nothing_odd() -> None:
    entry = partition(500, recorded=False)
    assert oddities([entry], [FED], {"events/id/0": OWNERS[OURS]}, "group", are_recorded=True) == {
        FED: Oddity.OFFSET_SET
    }
    assert oddities([entry], [FED], {"events/id/0": OWNERS[OURS]}, "group", are_recorded=False) == {}
    assert oddities([entry], [FED], {"events/id/0": OWNERS[THEIRS]}, "group", are_recorded=False) == {
        FED: Oddity.OTHER_GROUP
    }


def test_only_a_table_that_forgets_offsets_and_holds_something_is_refused() -> None:
    odd = {FED: Oddity.OFFSET_SET}

    def judged(memory: OffsetTables, *answers: Any) -> bool:
        client = cast("Any", FakeClient(*answers))
        return bool(refused(client, "birdhouse", odd, {"events": memory}, {"topic": "id"}))

    assert not judged(KEEPS)
    assert judged(FORGETS, [(1,)])
    assert not judged(FORGETS, [])


def test_offsets_that_the_group_was_set_past_are_named() -> None:
    odd, entry = {FED: Oddity.OFFSET_SET}, partition(500, recorded=False)
    client = cast("Any", FakeClient([(120,)]))
    assert skipped(client, "birdhouse", odd, {"events": KEEPS}, [entry]) == ["topic/0: 120-499"]
    client = cast("Any", FakeClient([(500,)]))
    assert skipped(client, "birdhouse", odd, {"events": KEEPS}, [entry]) == []
    assert skipped(cast("Any", FakeClient()), "birdhouse", odd, {"events": FORGETS}, [entry]) == []


LATE = Partition("topic", 0, "id", 9, None, low=3)


@pytest.mark.parametrize(
    ("partition", "answers", "expected"),
    [
        pytest.param(LATE, [[("events/topic/topic/former", OWNERS[OURS])], []], "former", id="made again"),
        pytest.param(LATE, [[("events/topic/topic/former", OWNERS[THEIRS])]], None, id="loaded by another group"),
        pytest.param(LATE, [[("events/topic/topic/id", OWNERS[OURS])]], None, id="the same topic"),
        pytest.param(
            LATE,
            [[("events/topic/topic/former", OWNERS[OURS])], [("events/id/0", OWNERS[OURS])]],
            None,
            id="owned since: its offset was deleted",
        ),
        pytest.param(LATE, [[]], None, id="a new group"),
        pytest.param(Partition("topic", 0, "id", 3, None, low=3), [], None, id="at its beginning"),
        pytest.param(Partition("topic", 0, "id", 9, 9, had_offset=True), [], None, id="somebody set the offset"),
    ],
)
def test_a_topic_made_again_while_no_worker_ran(partition: Partition, answers: list[Any], expected: str | None) -> None:
    client = cast("Any", FakeClient(*answers))
    found = made_again(client, "birdhouse", [partition], [FED], "group")
    assert found == ({} if expected is None else {("topic", 0): expected})
