"""Sees one batch stored, again and again with the same token, within an operator's patience."""

from __future__ import annotations

import time
from collections.abc import Callable

from deploy.errors import ServerError, TakenOverError
from ingest_worker.batch import Batch
from ingest_worker.delivery import Decision, decide
from ingest_worker.inserter import ALARM_BACKOFF, TRANSIENT_BACKOFF
from ingest_worker.outcomes import Refused, Stored, Swallowed
from ingest_worker.sink import Sink
from schemas.landing import replay_key

TRANSIENT_ATTEMPTS = 120
"""With pauses of up to 5 s: some ten minutes."""

ALARM_ATTEMPTS = 4
"""What fails like that needs somebody to mend it."""

Tell = Callable[[str], None]


def deliver(sink: Sink, batch: Batch, owner: int, tell: Tell, sleep: Callable[[float], None] = time.sleep) -> None:
    """Raises `TakenOverError`, and `ServerError` when the batch cannot be stored; it stays on record then."""
    origin = batch.origin
    key = replay_key(origin.data_source, origin.topic_id, origin.partition)
    transient = alarms = 0
    while True:
        outcome = sink.insert(batch, key, owner)
        if isinstance(outcome, Stored):
            return
        decision = decide(outcome)
        if decision is Decision.FENCED:
            raise TakenOverError(origin.data_source, origin.topic, origin.partition)
        reason = "a view behind the landing table is missing" if isinstance(outcome, Swallowed) else outcome.message
        is_alarm = decision is Decision.ALARM
        transient, alarms = transient + (not is_alarm), alarms + is_alarm
        place = f"{origin.topic}/{origin.partition} {batch.first_offset}-{batch.last_offset}"
        if transient >= TRANSIENT_ATTEMPTS or alarms >= ALARM_ATTEMPTS:
            code = f" (error {outcome.code})" if isinstance(outcome, Refused) else ""
            raise ServerError(
                f"ClickHouse does not store {place}{code}: {reason}", "mend it and run the replay again: it goes on"
            )
        pause = (ALARM_BACKOFF if is_alarm else TRANSIENT_BACKOFF).delay(alarms if is_alarm else transient)
        tell(f"{place} is sent again in {pause:.1f} s: {reason}")
        sleep(pause)
