"""What happens while a worker takes partitions over from their former owners."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ingest_worker.observing.observations import Observation
from service.observing.declared import Line
from service.observing.metric import Counter

_CLAIMS = Counter(
    "ownership_claims", "Claims of assigned partitions in ClickHouse: `taken` or `delayed`.", ("group", "outcome")
)
_TAKEOVER_SECONDS = Counter(
    "takeover_seconds", "Where the time of takeovers goes: `fence`, `await`, `scan`.", ("group", "step")
)
_INSERTS_KILLED = Counter("inserts_killed", "Inserts of former owners that had to be killed.", ("group",))
_BATCHES_COMPLETED = Counter(
    "batches_completed", "Batches that a former owner may have left half done, to be sent again.", ("group",)
)
_HANDOVERS_ODD = Counter(
    "handovers_odd",
    "Takeovers in which the group's record was not enough: another group, or an offset that no worker wrote.",
    ("group",),
)


@dataclass(frozen=True, slots=True)
class OwnershipTaken(Observation):
    log = Line(logging.INFO, "took ownership")
    metrics = (_CLAIMS.inc(outcome="taken"),)

    group: str
    partitions: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class PartitionsRecovered(Observation):
    """What a takeover found: inserts of former owners that had to be killed, recorded batches that may be half done
    and will be sent again, offsets from the committed ones on that are stored already."""

    log = Line(logging.INFO, "recovered")
    metrics = (
        _TAKEOVER_SECONDS.inc("fence_seconds", step="fence"),
        _TAKEOVER_SECONDS.inc("await_seconds", step="await"),
        _TAKEOVER_SECONDS.inc("scan_seconds", step="scan"),
        _INSERTS_KILLED.inc("inserts_killed"),
        _BATCHES_COMPLETED.inc("batches_to_complete"),
    )

    group: str
    partitions: tuple[str, ...]
    fence_seconds: float
    await_seconds: float
    scan_seconds: float
    inserts_killed: int
    batches_to_complete: int
    offsets_present: int


@dataclass(frozen=True, slots=True)
class OwnershipDelayed(Observation):
    """A takeover failed and will be tried again; the partitions stay paused."""

    log = Line(logging.WARNING, "cannot take ownership yet, the partitions stay paused")
    metrics = (_CLAIMS.inc(outcome="delayed"),)

    group: str
    partitions: tuple[str, ...]
    retry_seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class HandoverOdd(Observation):
    """A partition was not left to this worker as a worker of its group leaves it; what is stored was read back.
    `not_stored` are offsets that the group has passed and that are not in the tables."""

    log = Line(logging.WARNING, "what is stored was read back, as the group's record is not enough")
    metrics = (_HANDOVERS_ODD.inc(),)

    group: str
    partitions: tuple[str, ...]
    reason: str
    not_stored: tuple[str, ...] = ()
