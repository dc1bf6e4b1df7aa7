"""A batch is sent until it is stored, refused by the fence, or somebody must mend something."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from deploy.errors import ReplayError, TakenOverError
from deploy.operations.replay.deliver import ALARM_ATTEMPTS, TRANSIENT_ATTEMPTS, deliver
from ingest_worker.storing.batch import Batch, BatchBuilder, Origin
from ingest_worker.storing.messages import Run
from ingest_worker.storing.outcomes import Outcome, Refused, Stored, Swallowed, Unanswered
from ingest_worker.storing.sink import Sink
from service.errors import ServerError

STORED = Stored(0.1, "id")
TRANSIENT = Refused(241, "MEMORY_LIMIT_EXCEEDED", "no memory")
ALARM = Refused(60, "UNKNOWN_TABLE", "no table")
CLOSED = Refused(469, "VIOLATED_CONSTRAINT", "closed", "mapping_is_being_replaced")
FENCED = Refused(469, "VIOLATED_CONSTRAINT", "fenced", "ingest_fence")


class FakeSink:
    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[tuple[str, str, int]] = []

    def insert(self, batch: Batch, key: str, owner: int) -> Outcome:
        self.sent.append((batch.token, key, owner))
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]


def send(sink: FakeSink, is_mapping_same: Callable[[], bool] = lambda: True) -> list[str]:
    builder = BatchBuilder(0.0)
    builder.append(Run("topic", 2, [b"{}"], [5], [0]))
    told: list[str] = []
    batch = builder.build(Origin("events", "topic", "id", 2, 9))
    deliver(cast("Sink", sink), batch, 9, told.append, is_mapping_same, lambda _: None)
    return told


def test_what_passes_is_sent_again_unchanged() -> None:
    sink = FakeSink(TRANSIENT, Unanswered("reset"), CLOSED, STORED)
    assert len(send(sink)) == 3
    assert sink.sent == [("events/id/2/5-5/1/replay-9", "events/replay/id/2", 9)] * 4


def test_a_mapping_that_is_replaced_meanwhile_ends_it() -> None:
    sink = FakeSink(CLOSED, STORED)
    with pytest.raises(ReplayError, match="by the new mapping"):
        send(sink, lambda: False)
    assert len(sink.sent) == 1


def test_a_server_that_cannot_say_its_mapping_is_waited_for() -> None:
    answers: list[OperationalError | bool] = [OperationalError("away"), OperationalError("away"), True]

    def ask() -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    sink = FakeSink(Unanswered("reset"), STORED)
    assert len(send(sink, ask)) == 3
    assert len(sink.sent) == 2


def test_the_fence_ends_it() -> None:
    sink = FakeSink(TRANSIENT, FENCED)
    with pytest.raises(TakenOverError, match="run it again"):
        send(sink)
    assert len(sink.sent) == 2


@pytest.mark.parametrize(
    ("outcome", "attempts"),
    [(ALARM, ALARM_ATTEMPTS), (Swallowed(1), ALARM_ATTEMPTS), (TRANSIENT, TRANSIENT_ATTEMPTS)],
)
def test_patience_ends(outcome: Outcome, attempts: int) -> None:
    sink = FakeSink(outcome)
    with pytest.raises(ServerError, match="run the replay again"):
        send(sink)
    assert len(sink.sent) == attempts
