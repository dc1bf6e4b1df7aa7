"""Sees one batch stored, again and again with the same token, within an operator's patience."""

from __future__ import annotations

import time
from collections.abc import Callable

from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.errors import ReplayError, TakenOverError
from ingest_worker.storing.batch import Batch
from ingest_worker.storing.delivery import ALARM_BACKOFF, TRANSIENT_BACKOFF, Decision, decide
from ingest_worker.storing.outcomes import Outcome, Refused, Stored, Swallowed
from ingest_worker.storing.sink import Sink, outcome_of
from schemas.mapping.landing import replay_key
from service.errors import ServerError

TRANSIENT_ATTEMPTS = 120
"""With pauses of up to 5 s: some ten minutes."""

ALARM_ATTEMPTS = 4
"""What fails like that needs somebody to mend it."""

Progress = Callable[[str], None]


def deliver(
    sink: Sink,
    batch: Batch,
    owner: int,
    progress: Progress,
    is_mapping_same: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Raises `TakenOverError`, `ReplayError` when the mapping is replaced meanwhile, so that the same token would name
    other rows, and `ServerError` when the batch cannot be stored. It stays on record then."""
    origin = batch.origin
    key = replay_key(origin.data_source, origin.topic_id, origin.partition)
    place = f"{origin.topic}/{origin.partition} {batch.first_offset}-{batch.last_offset}"
    transient = alarms = 0
    outcome = sink.insert(batch, key, owner)
    while not isinstance(outcome, Stored):
        decision = decide(outcome)
        if decision is Decision.FENCED:
            raise TakenOverError(origin.data_source, origin.topic, origin.partition)
        reason = "a view behind the landing table is missing" if isinstance(outcome, Swallowed) else outcome.message
        is_alarm = decision is Decision.ALARM
        transient, alarms = transient + (not is_alarm), alarms + is_alarm
        if transient >= TRANSIENT_ATTEMPTS or alarms >= ALARM_ATTEMPTS:
            code = f" (error {outcome.code})" if isinstance(outcome, Refused) else ""
            raise ServerError(
                f"ClickHouse does not store {place}{code}: {reason}", "mend it and run the replay again: it goes on"
            )
        pause = (ALARM_BACKOFF if is_alarm else TRANSIENT_BACKOFF).delay(alarms if is_alarm else transient)
        progress(f"{place} is sent again in {pause:.1f} s: {reason}")
        sleep(pause)
        outcome = _again(sink, batch, key, owner, is_mapping_same)


def _again(sink: Sink, batch: Batch, key: str, owner: int, is_mapping_same: Callable[[], bool]) -> Outcome:
    try:
        if not is_mapping_same():
            raise ReplayError(
                f"a deploy replaced the mapping of `{batch.origin.data_source}` while a batch was being stored",
                "run the replay again: it goes on, by the new mapping",
            )
    except ClickHouseError as error:  # still away: nobody can tell, so nothing is sent
        return outcome_of(error)
    return sink.insert(batch, key, owner)
