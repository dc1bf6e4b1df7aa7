"""The record: what a group's commit says of batches that may be half stored, so that any successor can finish them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest_worker.storing.ranges import OffsetRanges

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """The boundaries of a batch: its first and last offset, both inclusive, and how many messages it holds.

    They name its content, as the broker never changes a message: whoever cuts the same way sends the same batch under
    the same token. The count tells when messages in between are gone (compaction).
    """

    first: int
    last: int
    rows: int


@dataclass(frozen=True, slots=True)
class FeedProgress:
    """Of one data source: everything below `position` is stored, the batches `cuts` may be, wholly or in part."""

    position: int
    cuts: tuple[Cut, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """Of one partition, whose topic is known by its id: a topic that was made again has other messages.

    `progress` is by data source; without any it says only where the group began. `first_partitions` is how many
    partitions the topic had then, None where nobody wrote that down: those after them came later.
    """

    topic_id: str
    progress: Mapping[str, FeedProgress] = field(default_factory=dict)
    first_partitions: int | None = None

    def encode(self, committed: int) -> str:
        """As metadata of the commit of offset `committed`. Offsets are written as distances from it: Kafka takes
        4,096 bytes (`offset.metadata.max.bytes`), which so suffice for some fifty data sources fed by one topic."""
        progress = {
            name: [
                each.position - committed,
                [[cut.first - committed, cut.last - cut.first, cut.rows] for cut in each.cuts],
            ]
            for name, each in self.progress.items()
        }
        content: dict[str, object] = {"v": _VERSION, "topic": self.topic_id, "lanes": progress}
        if self.first_partitions is not None:
            content["partitions"] = self.first_partitions
        return json.dumps(content, separators=(",", ":"))


def parse_record(metadata: str | None, committed: int) -> Record | None:
    """The record in a commit's metadata; None where there is none: an empty or somebody else's metadata (an operator's
    tool that sets offsets leaves it empty), a broker that does not keep it, a later version of this program."""
    try:
        content = json.loads(metadata or "")
        if content["v"] != _VERSION:
            return None
        progress = {str(name): _progress(committed, *entry) for name, entry in content["lanes"].items()}
        first_partitions = content.get("partitions")
        return Record(str(content["topic"]), progress, None if first_partitions is None else int(first_partitions))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _progress(committed: int, distance: int, cuts: list[list[int]]) -> FeedProgress:
    position = committed + distance
    read = tuple(Cut(committed + first, committed + first + length, rows) for first, length, rows in cuts)
    edge = position - 1
    for cut in read:
        if not edge < cut.first <= cut.last or not 0 < cut.rows <= cut.last - cut.first + 1:
            raise ValueError("batches of a record follow each other")
        edge = cut.last
    if distance < 0:
        raise ValueError("a data source is never behind the commit")
    return FeedProgress(position, read)


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where a data source goes on in one partition.

    Messages below `position` and in `present` are stored; those of `cuts` may be, wholly or in part, also in views and
    in engines that merge rows away, which only the same batch again can complete. So a cut beats `present`.
    """

    position: int
    cuts: tuple[Cut, ...] = ()
    present: OffsetRanges = field(default_factory=OffsetRanges)
