"""What becomes of the batches of a data source: stored, failed, stalled."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from ingest_worker.observing.observations import Observation
from service.observing.declared import Line, Without
from service.observing.metric import Counter, Histogram, Member

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_LATENCY = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
_ROWS = (1, 10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000)
_BYTES = (1_000, 10_000, 100_000, 1_000_000, 4_000_000, 16_000_000, 32_000_000, 64_000_000, 128_000_000)

_OF_SOURCE = ("data_source",)
_INSERTS = Counter(
    "inserts", "Inserts by how they ended: `stored`, or what was decided after a failure.", ("data_source", "outcome")
)
_INSERT_RETRIES = Counter("insert_retries", "Times that a batch was sent again.", _OF_SOURCE)
_ROWS_INSERTED = Counter("rows_inserted", "Messages stored in the data source's table.", _OF_SOURCE)
_ROWS_QUARANTINED = Counter("rows_quarantined", "Messages stored in quarantine.", _OF_SOURCE)
_QUARANTINE_REASONS = Counter(
    "quarantine_reasons",
    "Quarantined messages by column that was wrong, `__value` when the message as a whole was.",
    ("data_source", "column"),
)
_INSERT_SECONDS = Histogram("insert_seconds", "Time of a successful insert.", _OF_SOURCE, _SECONDS)
_BATCH_ROWS = Histogram("batch_rows", "Messages in a stored batch.", _OF_SOURCE, _ROWS)
_BATCH_BYTES = Histogram("batch_bytes", "Bytes of messages in a stored batch.", _OF_SOURCE, _BYTES)
_QUERYABLE_SECONDS = Histogram(
    "queryable_seconds",
    "From the timestamp of a batch's first message until it could be queried.",
    _OF_SOURCE,
    _LATENCY,
)
_INSERT_ERRORS = Counter(
    "insert_errors",
    "Failed inserts by ClickHouse's error code, `none` when it did not answer.",
    ("data_source", "code"),
)
_STALLS = Counter("stalls", "Times that a data source began to fail in a way that somebody must mend.", _OF_SOURCE)


@dataclass(frozen=True, slots=True)
class BatchStored(Observation):
    """ClickHouse acknowledged a batch."""

    log = Line(logging.INFO, "inserted")
    metrics = (
        _INSERTS.inc(outcome="stored"),
        _INSERT_RETRIES.inc(lambda batch: batch.attempts - 1),
        _ROWS_INSERTED.inc(lambda batch: batch.rows - batch.quarantined),
        _ROWS_QUARANTINED.inc("quarantined"),
        _QUARANTINE_REASONS.inc_each("column", "quarantined_by_column"),
        _INSERT_SECONDS.observe("seconds"),
        _BATCH_ROWS.observe("rows"),
        _BATCH_BYTES.observe("payload_bytes"),
        _QUERYABLE_SECONDS.observe("queryable_seconds"),
    )

    data_source: str
    topic: str
    partition: int
    first_offset: int
    last_offset: int
    rows: int
    payload_bytes: int
    quarantined: int
    quarantined_by_column: Mapping[str, int]
    seconds: float  # of the insert alone
    queryable_seconds: float | None  # from the first message's timestamp to now; None where it has none
    attempts: int
    query_id: str


@dataclass(frozen=True, slots=True)
class QuarantineUncounted(Observation):
    """A stored batch's quarantined messages could not be counted: all of its rows are reported as inserted."""

    log = Line(logging.WARNING, "could not count what went to quarantine")
    metrics = Without("the batch is counted when it is stored, all of it as inserted")

    data_source: str
    rows: int


@dataclass(frozen=True, slots=True)
class InsertFailed(Observation):
    """An insert ended in anything but success; the batch is kept. `decision` is what happens to it."""

    log = Line(logging.WARNING, "insert failed, the batch is kept")
    metrics = (_INSERTS.inc(outcome=Member("decision")), _INSERT_ERRORS.inc())

    data_source: str
    topic: str
    partition: int
    first_offset: int
    last_offset: int
    rows: int
    code: int | None  # ClickHouse's; None when it did not answer
    decision: str
    attempt: int
    retry_seconds: float
    error: str
    view: str | None = None  # that could not take the rows


@dataclass(frozen=True, slots=True)
class DataSourceStalled(Observation):
    """An alarm: a data source's inserts fail and will go on failing until somebody mends the cause."""

    log = Line(logging.ERROR, "data source stalled until its cause is mended")
    metrics = (_STALLS.inc(),)

    data_source: str
    error: str
    view: str | None = None  # that cannot take the rows, where that is why


@dataclass(frozen=True, slots=True)
class DataSourceRecovered(Observation):
    log = Line(logging.INFO, "data source goes on")
    metrics = Without("`stalled` of the status shows it")

    data_source: str
