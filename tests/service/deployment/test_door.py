"""A door is opened only when nothing that began while it was closed is left, and what is half stored is waited for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from clickhouse_connect.driver.client import Client

from schemas.tables.ddl.mapping import MappingDdl
from service.deployment.door import GIVE_UP_SECONDS, KILL_SECONDS, Door
from service.deployment.lock import Lock
from service.errors import InsertsRunningError

MAPPING = MappingDdl("events", "events_landing", "f", "close", ("DROP one", "CREATE one"), "open", "name it")
CLOSE, OPENED = "INSERT INTO `db`.`ingest_fence` VALUES", "INSERT INTO `db`.`ingest_fence` (`key`"


@dataclass
class Server:
    """A server in which an insert runs until `ends` seconds have passed, and another for a second from the statement
    `begins_with` on; time passes only by sleeping."""

    ends: float = 0.0
    begins_with: str = ""
    now: float = 0.0
    said: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    holder: str = ""

    def command(self, statement: str, parameters: object = None) -> None:
        self.said.append(statement.split("*/ ")[-1])
        self.times.append(self.now)
        if self.said[-1] == self.begins_with:
            self.ends = self.now + 1

    def query(self, sql: str, parameters: dict[str, Any]) -> SimpleNamespace:
        if "comment" in sql:
            return SimpleNamespace(result_rows=[(self.holder,)])
        return SimpleNamespace(result_rows=[("an insert",)] if self.now < self.ends else [])

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def words(self) -> list[str]:
        """What was sent, without the lock's own."""
        return [" ".join(statement.split()[:2]) for statement in self.said if "deploy_lock" not in statement]


class Records:
    """Batches that are half stored, one answer after the other; the last one stays."""

    def __init__(self, *answers: Iterable[str]) -> None:
        self._answers = [list(answer) for answer in answers]

    def recorded(self, data_source: str) -> frozenset[str]:
        return frozenset({"a batch"})

    def half_stored(self, data_source: str, recorded: frozenset[str]) -> list[str]:
        assert recorded
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def door_of(server: Server, told: list[str]) -> Door:
    client = cast("Client", server)
    lock = Lock(client, "db", clock=lambda: server.now)
    server.holder = str(lock.holder)
    return Door(client, "db", lock, told.append, server.sleep, lambda: server.now)


def test_a_mapping_is_replaced_behind_a_closed_door() -> None:
    server, told = Server(), list[str]()
    door_of(server, told).replace(MAPPING, None)
    closed, *replacing, opened, named = server.said
    assert closed.startswith(CLOSE)
    assert opened.startswith(OPENED)
    assert (replacing, named, told) == (list(MAPPING.replacing), "name it", [])


def test_the_inserts_that_run_are_waited_for_and_then_ended() -> None:
    server = Server(ends=KILL_SECONDS + 1)
    door_of(server, []).replace(MAPPING, None)
    assert server.words() == ["INSERT INTO", "KILL QUERY", "DROP one", "CREATE one", "INSERT INTO", "name it"]
    assert KILL_SECONDS < server.now < KILL_SECONDS + 2


def test_an_insert_that_saw_a_part_of_the_views_ends_before_the_door_opens() -> None:
    server = Server(begins_with="CREATE one")
    door_of(server, []).replace(MAPPING, None)
    made, opened = (server.said.index(text) for text in ("CREATE one", server.said[-2]))
    assert server.said[opened].startswith(OPENED)
    assert server.times[opened] - server.times[made] >= 1


def test_inserts_that_never_end_leave_the_mapping_and_the_door_as_they_were() -> None:
    server = Server(ends=10 * GIVE_UP_SECONDS)
    with pytest.raises(InsertsRunningError):
        door_of(server, []).replace(MAPPING, None)
    assert server.words() == ["INSERT INTO", "KILL QUERY", "INSERT INTO"]
    assert server.said[-1].startswith(OPENED)


def test_a_half_stored_batch_is_sent_again_through_the_former_mapping() -> None:
    server, told = Server(), list[str]()
    records = Records(*[["a batch"]] * 30, [])
    door_of(server, told).replace(MAPPING, records)
    doors = [statement.startswith(CLOSE) for statement in server.said if "ingest_fence" in statement]
    assert doors == [True, False, True, False]
    assert told == []


def test_one_that_stays_half_stored_is_told_and_does_not_hold_a_deploy_up_for_ever() -> None:
    server, told = Server(), list[str]()
    door_of(server, told).replace(MAPPING, Records(["a batch"]))
    assert server.said[-1] == "name it"
    assert "while batches of it are half stored: a batch" in told[0]
    assert 30 < server.now < 60
