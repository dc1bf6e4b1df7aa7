"""What a replay did in one partition."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest_worker.storing.ranges import OffsetRange


@dataclass(slots=True)
class PartitionResult:
    """What was done, or with a dry run would be, in one partition. Counts are of messages, those of `missing` and
    `lost` of offsets: nobody has looked whether there is a message at each.

    `lost` are not stored and no longer held by the broker; `beyond` are the worker's to store.
    """

    topic: str
    topic_id: str
    partition: int
    range: OffsetRange | None = None
    present: int = 0
    missing: int = 0
    deleted: int = 0
    completed: int = 0
    stored: int = 0
    quarantined: int = 0
    still_wrong: int = 0
    lost: int = 0
    beyond: OffsetRange | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def is_partial(self) -> bool:
        """Whether something that was asked for was not, or could not be, done."""
        return bool(self.lost or self.beyond or self.notes)
