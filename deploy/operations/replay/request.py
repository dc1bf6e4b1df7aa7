"""What an operator asks to be replayed, and what of that makes no sense."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from deploy.errors import ReplayError
from ingest_worker.storing.ranges import OffsetRange
from schemas.model import DataSource


@dataclass(frozen=True, slots=True)
class Request:
    """No partitions mean all. Offsets are inclusive at both ends, of a time span the end is not."""

    data_source: str
    partitions: tuple[int, ...] = ()
    from_offset: int | None = None
    to_offset: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    replaces: bool = False
    from_quarantine: bool = False
    is_check: bool = False

    @property
    def offsets(self) -> OffsetRange | None:
        if self.from_offset is None or self.to_offset is None:
            return None
        return OffsetRange(self.from_offset, self.to_offset)

    def check(self, now: datetime | None = None) -> None:
        """Raise `ReplayError` for what contradicts itself."""
        now = now or datetime.now(UTC)
        has_offsets = self.from_offset is not None or self.to_offset is not None
        if has_offsets and (self.from_offset is None or self.to_offset is None):
            raise ReplayError("`--from-offset` and `--to-offset` go together", "both are inclusive")
        if not has_offsets and self.since is None and not self.from_quarantine:
            raise ReplayError(
                "nothing says what to replay", "give `--from-offset A --to-offset B`, `--since TIME` or `--quarantine`"
            )
        if has_offsets and not self.partitions and not self.from_quarantine:
            raise ReplayError("every partition has offsets of its own", "say which: `--partition N`")
        if has_offsets and (self.since is not None or self.until is not None):
            raise ReplayError("a range of offsets and a time span are two questions", "give one of them")
        if self.from_offset is not None and self.to_offset is not None and self.from_offset > self.to_offset:
            raise ReplayError("`--to-offset` is below `--from-offset`", "both are inclusive")
        if self.replaces and self.from_quarantine:
            raise ReplayError(
                "`--replace` reads from Kafka, `--quarantine` from ClickHouse",
                "`--quarantine` alone moves what today's schema takes",
            )
        self._check_times(now)

    def _check_times(self, now: datetime) -> None:
        for option, moment in (("--since", self.since), ("--until", self.until)):
            if moment is not None and moment > now:
                raise ReplayError(
                    f"`{option} {moment.isoformat()}` is in the future",
                    f"it is {now.isoformat(timespec='seconds')} now",
                )
        if self.until is not None and self.since is None:
            raise ReplayError("`--until` ends a span that `--since` begins", "add `--since TIME`")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ReplayError("`--until` is not after `--since`")


def check_table(data_source: DataSource, request: Request, *, keeps_headers: bool) -> None:
    """Raise `ReplayError` where nobody could tell what is stored, so that it would not be exactly once."""
    name, engine = data_source.name, data_source.engine
    if request.from_quarantine:
        if engine.name == "Join":
            raise ReplayError(
                f"`{name}` is a Join table, which does not know a batch that is sent again",
                "read the messages again into a data source of another name",
            )
        if keeps_headers:
            raise ReplayError(
                f"`{name}` has a column for the headers, which quarantine does not keep",
                "read the messages again from Kafka: `--replace` with the offsets or the time span",
            )
        return
    if engine.name == "Null":
        raise ReplayError(
            f"`{name}` is a Null table, which stores no rows: nobody can tell which messages went through it",
            "make a data source of another name on the same topic with a group of its own, which reads all of it",
        )
    if engine.name != "MergeTree":
        raise ReplayError(
            f"`{name}` is a {engine.name}, which merges rows and their offsets away: nobody can tell which of the"
            " messages are in it",
            "what is in quarantine can be moved with `--quarantine`; to build it anew, make a data source of another"
            " name on the same topic with a group of its own",
        )
    if engine.ttl and not request.replaces:
        raise ReplayError(
            f"`{name}` has a TTL: a message that is not in it may have been there",
            "`--replace` stores all of the range anew, and what is too old goes away again by the TTL",
        )
