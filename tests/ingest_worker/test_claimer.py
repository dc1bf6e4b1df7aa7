"""The claimer: again and again until it succeeds, or until nobody wants the partitions any more."""

from __future__ import annotations

from typing import Any

import pytest

from ingest_worker import claimer as module
from ingest_worker.claimer import Claimer, Takeover
from ingest_worker.observations import Observation, OwnershipDelayed, OwnershipTaken
from ingest_worker.partition import Partition
from service.backoff import Backoff
from tests.ingest_worker.fakes import FakeClient, refusal


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACKOFF", Backoff(first=0, longest=0))


class Bench:
    def __init__(self, *clients: Any) -> None:
        self.seen: list[Observation] = []
        self.taken: list[Takeover] = []
        self.wanted = True
        self.clients = list(clients)
        self.claimer = Claimer("group", self._connect, "birdhouse", self.seen.append, self._is_wanted, self._on_taken)

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

    def run(self) -> None:
        self.claimer.ask([Partition("topic", 0, "id", 0, None)], ["events/id/0"])
        self.claimer.run()


def test_tells_of_success() -> None:
    client = FakeClient({})
    bench = Bench(client)
    bench.run()
    (takeover,) = bench.taken
    assert takeover.claim.keys == ("events/id/0",)
    assert client.is_closed
    assert [type(entry) for entry in bench.seen] == [OwnershipTaken]


def test_tries_again_under_the_same_owner() -> None:
    failing, working = FakeClient(refusal(60)), FakeClient({})
    bench = Bench(ConnectionRefusedError("nobody"), failing, working)
    bench.run()
    assert [type(entry) for entry in bench.seen] == [OwnershipDelayed, OwnershipDelayed, OwnershipTaken]
    assert failing.is_closed
    assert failing.inserts[0]["data"] == working.inserts[0]["data"]


def test_forgets_what_nobody_wants_any_more() -> None:
    bench = Bench(refusal(60))
    bench.claimer.ask([Partition("topic", 0, "id", 0, None)], ["events/id/0"])
    bench.claimer._asked.put(None)
    bench.claimer.run()
    assert bench.taken == []
    assert [type(entry) for entry in bench.seen] == [OwnershipDelayed]
