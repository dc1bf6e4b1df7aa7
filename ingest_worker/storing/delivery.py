"""What to do about an insert's outcome: one table from ClickHouse's error codes to a decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from ingest_worker.storing.batch import Limits
from ingest_worker.storing.outcomes import Outcome, Refused, Stored, Swallowed
from schemas.own_names import CLOSED_CONSTRAINT, FENCE_TABLE
from service.backoff import Backoff
from service.clickhouse.codes import PASSING, Code


class Decision(Enum):
    """What happens to the batch, and to those after it. None of them ever changes or drops a batch."""

    DONE = "done"
    RETRY = "retry"  # the same batch again, with its token: the cause passes
    RETRY_SMALLER = "retry smaller"  # the same batch again, later batches smaller
    RETRY_LARGER = "retry larger"  # the same batch again, later batches larger and rarer
    ALARM = "alarm"  # the same batch again, slowly: somebody must mend something first
    FENCED = "fenced"  # the partition is somebody else's: insert nothing more for it, commit nothing


# The landing table's own; any other is a check that somebody put on a table.
_OF_CONSTRAINT = {FENCE_TABLE: Decision.FENCED, CLOSED_CONSTRAINT: Decision.RETRY}


def decide(outcome: Outcome) -> Decision:
    """The decision for one outcome.

    A code that is in no table is an alarm:
    a view that throws (395), a table or column that is not there (60, 16), a password that changed (516). Sending the
    same batch again, slowly, completes a half-done insert and goes on by itself once the cause is gone, whatever it is;
    dropping it or going past it would lose events.
    """
    match outcome:
        case Stored():
            return Decision.DONE
        case Refused(code=code, constraint=constraint):
            if code == Code.VIOLATED_CONSTRAINT:
                return _OF_CONSTRAINT.get(constraint or "", Decision.ALARM)
            if code == Code.TOO_MANY_PARTS:
                return Decision.RETRY_LARGER
            if code == Code.MEMORY_LIMIT_EXCEEDED:
                return Decision.RETRY_SMALLER
            return Decision.RETRY if code in PASSING else Decision.ALARM
        case Swallowed():
            return Decision.ALARM
    return Decision.RETRY


SMALLEST, LARGEST = 1 / 64, 8.0
# Batches that are stored before a changed size has halved or doubled back, roughly.
_RECOVERY = 2 ** (1 / 8)


@dataclass(frozen=True, slots=True)
class BatchScale:
    """How much larger or smaller than the settings say a data source's batches are for now."""

    factor: float = 1.0

    def after(self, decision: Decision) -> BatchScale:
        """Halved after a lack of memory, doubled after too many parts, step by step back to 1 with each success."""
        match decision:
            case Decision.RETRY_SMALLER:
                return BatchScale(max(SMALLEST, self.factor / 2))
            case Decision.RETRY_LARGER:
                return BatchScale(min(LARGEST, self.factor * 2))
            case Decision.DONE if self.factor < 1:
                return BatchScale(min(1.0, self.factor * _RECOVERY))
            case Decision.DONE if self.factor > 1:
                return BatchScale(max(1.0, self.factor / _RECOVERY))
        return self

    def apply(self, limits: Limits) -> Limits:
        """The limits to cut batches by for now.

        Rows and bytes are never above the settings': ClickHouse splits what is larger than one block. Fewer parts
        come from rarer inserts.
        """
        smaller = min(1.0, self.factor)
        return replace(
            limits,
            rows=max(1, int(limits.rows * smaller)),
            payload_bytes=max(1, int(limits.payload_bytes * smaller)),
            seconds=limits.seconds * max(1.0, self.factor),
        )


# A server that is back must be used again within seconds, and one that is not must not be hammered.
TRANSIENT_BACKOFF = Backoff(first=0.2, longest=5.0)


# Whoever mends a cause sees the data source go on within ten seconds.
ALARM_BACKOFF = Backoff(first=1.0, longest=8.0)
