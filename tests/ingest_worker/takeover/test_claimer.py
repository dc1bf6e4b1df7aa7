"""The claimer: again and again until it succeeds, or until nobody wants the partitions any more."""

from __future__ import annotations

from typing import Any

import pytest

from ingest_worker.observing.observations import Observation, UnexpectedFailure
from ingest_worker.observing.takeovers import HandoverOdd, OwnershipDelayed, OwnershipTaken, PartitionsRecovered
from ingest_worker.storing.fence.ownership import new_owner
from ingest_worker.storing.fence.scan import OffsetTables
from ingest_worker.storing.partitions import FeedPartition
from ingest_worker.storing.ranges import OffsetRanges
from ingest_worker.storing.record import Cut, FeedProgress, Record, ResumePoint
from ingest_worker.takeover import claimer as module
from ingest_worker.takeover.claimer import Claimer
from ingest_worker.takeover.partition import Partition
from ingest_worker.takeover.request import Takeover, TakeoverRequest
from service.backoff import Backoff
from tests.ingest_worker.fakes import FakeClient, context, refusal

NOTHING_RUNS: list[Any] = []
NOTHING_STORED: list[Any] = []
NOBODY: list[Any] = []
FED = FeedPartition("events", "topic", 0)
OWNER = new_owner("group")
KEEPS = OffsetTables(("events",))
FORGETS = OffsetTables(("events_quarantine",), keeps_every_row=False)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACKOFF", Backoff(first=0, longest=0))


class Bench:
    def __init__(self, *clients: Any, record: Record | None = None, memory: OffsetTables = KEEPS) -> None:
        self.seen: list[Observation] = []
        self.taken: list[Takeover] = []
        self.wanted = True
        self.clients = list(clients)
        self.partition = Partition("topic", 0, "id", 0, None, record)
        self.claimer = Claimer(
            context(self.seen.append, connect=self._connect),
            "group",
            {"events": memory},
            self._is_wanted,
            self._on_taken,
        )

    def _connect(self) -> Any:
        client = self.clients.pop(0)
        if not self.clients:
            self.wanted = False
        if isinstance(client, Exception):
            raise client
        return client

    def _is_wanted(self, partition: Partition) -> bool:
        return self.wanted

    def _on_taken(self, takeover: Takeover) -> None:
        self.taken.append(takeover)
        self.claimer.stop()

    def ask(self) -> None:
        self.claimer.ask(TakeoverRequest((self.partition,), OWNER, (FED,)))

    def run(self) -> None:
        self.ask()
        self.claimer.run()


def test_fences_waits_scans_and_tells_of_success() -> None:
    client = FakeClient(NOBODY, {}, NOTHING_RUNS, [(0, 0, 3, 5, 3)])
    record = Record("id", {"events": FeedProgress(2, (Cut(2, 9, 8),))})
    bench = Bench(client, record=record)
    bench.run()
    (takeover,) = bench.taken
    assert takeover.recovered is not None
    assert takeover.recovered.owner == client.inserts[0]["data"][1][0]
    assert takeover.recovered.starts == {FED: ResumePoint(2, (Cut(2, 9, 8),), OffsetRanges([3], [5]))}
    assert client.is_closed
    assert [type(entry) for entry in bench.seen] == [PartitionsRecovered, OwnershipTaken]


def test_tries_again_under_the_same_owner() -> None:
    failing, working = FakeClient(NOBODY, refusal(60)), FakeClient(NOBODY, {}, NOTHING_RUNS, NOTHING_STORED)
    bench = Bench(ConnectionRefusedError("nobody"), failing, working)
    bench.run()
    assert [type(entry) for entry in bench.seen if not isinstance(entry, PartitionsRecovered)] == [
        OwnershipDelayed,
        OwnershipDelayed,
        OwnershipTaken,
    ]
    assert failing.is_closed
    assert failing.inserts[0]["data"] == working.inserts[0]["data"]


def test_a_scan_that_fails_begins_the_takeover_again() -> None:
    failing, working = (
        FakeClient(NOBODY, {}, NOTHING_RUNS, refusal(241)),
        FakeClient(NOBODY, {}, NOTHING_RUNS, NOTHING_STORED),
    )
    bench = Bench(failing, working)
    bench.run()
    assert len(bench.taken) == 1
    assert len(failing.inserts) == len(working.inserts) == 1


def test_forgets_what_nobody_wants_any_more() -> None:
    bench = Bench(refusal(60))
    bench.ask()
    bench.claimer._asked.put(None)
    bench.claimer.run()
    assert bench.taken == []
    assert [type(entry) for entry in bench.seen] == [OwnershipDelayed]


def another_group() -> list[Any]:
    return [("events/id/0", new_owner("another"))]


def test_another_group_before_is_said_and_what_it_stored_is_left_out() -> None:
    bench = Bench(FakeClient(another_group(), {}, NOTHING_RUNS, [(0, 0, 0, 5, 6)]))
    bench.run()
    (takeover,) = bench.taken
    assert takeover.recovered is not None
    assert takeover.recovered.starts[FED].present.count == 6
    (odd,) = (entry for entry in bench.seen if isinstance(entry, HandoverOdd))
    assert (odd.partitions, odd.not_stored) == (("topic/0",), ())
    assert "another consumer group" in odd.reason


def test_a_table_that_cannot_be_read_back_is_not_taken_over_from_another_group() -> None:
    client = FakeClient(another_group(), [(1,)])
    bench = Bench(client, memory=FORGETS)
    bench.run()
    (takeover,) = bench.taken
    assert set(takeover.refused) == {("topic", 0)}
    assert takeover.recovered is None
    assert client.inserts == []  # the other group's fence stands


def test_a_table_that_holds_nothing_of_the_topic_is_taken_over_whatever_is_odd() -> None:
    bench = Bench(FakeClient(another_group(), [], {}, NOTHING_RUNS, NOTHING_STORED), memory=FORGETS)
    bench.run()
    (takeover,) = bench.taken
    assert takeover.refused == {}


def test_only_what_is_still_wanted_is_claimed() -> None:
    client = FakeClient(NOBODY, {}, NOTHING_RUNS, NOTHING_STORED)
    bench = Bench(client)
    moved = Partition("topic", 1, "id", 0, None)
    bench.claimer._is_wanted = lambda partition: partition is not moved
    bench.claimer.ask(TakeoverRequest((bench.partition, moved), OWNER, (FED, FeedPartition("events", "topic", 1))))
    bench.claimer.run()
    (takeover,) = bench.taken
    assert takeover.partitions == (bench.partition,)
    assert client.inserts[0]["data"][0] == ["events/id/0", "events/replay/id/0", "events/topic/topic/id"]


def test_what_nobody_expected_is_counted_and_the_takeover_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(FakeClient())
    taken: list[TakeoverRequest] = []

    def take(request: TakeoverRequest) -> None:
        taken.append(request)
        if len(taken) == 1:
            raise RuntimeError("nobody thought of it")

    monkeypatch.setattr(bench.claimer, "_take", take)
    request = TakeoverRequest((bench.partition,), OWNER, (FED,))
    bench.claimer.ask(request)
    bench.claimer._asked.put(None)
    bench.claimer.run()
    assert taken == [request, request]
    assert bench.seen == [UnexpectedFailure("claimer")]
