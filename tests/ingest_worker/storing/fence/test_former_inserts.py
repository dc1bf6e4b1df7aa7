"""Inserts of a former owner: waited for, killed when they last, and given up when they do not end."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ingest_worker.errors import FormerInsertsError
from ingest_worker.storing.fence.former_inserts import await_former_inserts
from ingest_worker.storing.fence.recovery import KILL_SECONDS, PATIENCE_SECONDS, Fenced, Quiet
from ingest_worker.storing.partitions import FeedPartition
from tests.ingest_worker.fakes import Clock, FakeClient

FED = FeedPartition("events", "topic", 0)
OWN = ("birdhouse-ingest-events-0-ab", "INSERT INTO `db`.`events_landing` FORMAT Native")
OTHERS = [
    ("birdhouse-ingest-events-1-ab", "INSERT INTO `db`.`events_landing` FORMAT Native"),  # another partition
    ("birdhouse-ingest-events-0-cd", "INSERT INTO `other`.`events_landing` FORMAT Native"),  # another database
    ("birdhouse-ingest-events-0-replay-ab", "SELECT 1"),
]


class Server(FakeClient):
    """Shows these queries, look by look; the last ones for ever."""

    def __init__(self, *looks: list[tuple[str, str]]) -> None:
        super().__init__(*looks)
        self.killed: list[str] = []

    def command(self, sql: str, parameters: Any = None) -> None:
        self.killed.append(parameters["query_id"])

    def _answer(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def wait(server: Server, step: float = 1.0) -> tuple[Quiet, int]:
    clock = Clock()

    def sleep(_: float) -> None:
        clock.now += step

    return await_former_inserts(cast("Any", server), "db", Fenced(7), [FED], sleep, clock)


def test_nothing_that_runs_is_no_reason_to_wait() -> None:
    assert wait(Server([])) == (Quiet(Fenced(7)), 0)


def test_inserts_of_others_are_left_alone() -> None:
    server = Server(OTHERS)
    assert wait(server) == (Quiet(Fenced(7)), 0)
    assert server.killed == []


def test_one_that_ends_in_time_is_not_killed() -> None:
    server = Server([OWN], [OWN], [])
    assert wait(server, step=PATIENCE_SECONDS / 4) == (Quiet(Fenced(7)), 0)
    assert server.killed == []


def test_one_that_lasts_is_killed_once_and_waited_for() -> None:
    server = Server([OWN], [OWN], [OWN], [OWN], [])
    assert wait(server) == (Quiet(Fenced(7)), 1)
    assert server.killed == [OWN[0]]


def test_one_that_does_not_end_delays_the_takeover() -> None:
    with pytest.raises(FormerInsertsError, match=OWN[0]):
        wait(Server([OWN]), step=KILL_SECONDS / 4)
