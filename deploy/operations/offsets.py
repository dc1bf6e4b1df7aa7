"""`birdhouse offsets`: where a data source's group stands, and setting it so that workers go on from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, cast

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException, TopicPartition

from deploy.errors import OffsetsError
from ingest_worker.storing.fence.ownership import Claim, new_owner, take_ownership
from ingest_worker.storing.record import FeedProgress, Record
from ingest_worker.storing.topic import Held, TopicView
from schemas.feed import Feed, feeds_of
from schemas.mapping.landing import fence_key
from schemas.model import Project
from service.clickhouse.connect import reason_of
from service.errors import ServerError
from service.kafka.config import ClientConfig
from service.kafka.trouble import hint_for, is_lasting, words_of

Target = Literal["earliest", "latest", "current"] | int | datetime
"""Where a group shall go on: at the first or behind the last message that the broker holds, where it is (so that a
worker's record is written beside it), at an offset, or at the first message of a time."""


def target_of(text: str) -> Target:
    """Raises `OffsetsError` for what is none of these."""
    if text in ("earliest", "latest", "current"):
        return cast("Target", text)
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OffsetsError(
            f"`{text}` is no place in a topic", "`earliest`, `latest`, `current`, an offset, or 2026-01-31T12:00:00"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def feeds_of_topic(project: Project, data_source: str) -> list[Feed]:
    """The feed of a data source, and of all others that its topic and group feed: they share the group's offsets.
    Raises `OffsetsError` when no topic feeds it."""
    feeds = feeds_of(project.data_sources.values())
    own = next((feed for feed in feeds if feed.data_source == data_source), None)
    if own is None:
        raise OffsetsError(f"no data source `{data_source}` is fed from a topic", "`birdhouse check` reads the files")
    of_group = (own.connection, own.topic, own.group_id)
    return [own, *(feed for feed in feeds if feed != own and (feed.connection, feed.topic, feed.group_id) == of_group)]


def of_embedded_broker() -> OffsetsError:
    """Why the group of an embedded broker is not set: its worker runs as long as it does."""
    return OffsetsError(
        "offsets cannot be set beside `birdhouse run`: the embedded broker ends with the worker that reads it",
        "`birdhouse replay --data-source … --since …` stores a range of events again while it runs",
    )


def read_offsets(view: TopicView, topic: str, partitions: Sequence[int]) -> list[Held]:
    """What the group has committed of the partitions, of all of them when none is named. Raises `OffsetsError`."""
    known = view.partitions()
    unknown = sorted(set(partitions) - set(known))
    if not known or unknown:
        missing = f"the topic `{topic}` has no partition {unknown[0]}" if known else f"there is no topic `{topic}`"
        raise OffsetsError(missing, "the worker makes topics when it starts")
    return view.held(list(partitions) or known)


def is_of_former_topic(entry: Held, topic_id: str | None) -> bool:
    """Whether the group's offset is left of a topic of that name that was deleted."""
    return entry.record is not None and entry.record.topic_id != topic_id


def positions(view: TopicView, held: Sequence[Held], target: Target) -> dict[int, int]:
    """The offset by partition that `target` means. Raises `OffsetsError` where there is none."""
    if target == "current":
        topic_id = view.topic_id()
        held = [replace(entry, committed=None) if is_of_former_topic(entry, topic_id) else entry for entry in held]
    if isinstance(target, datetime):
        found = view.offsets_at([entry.partition for entry in held], target)
        return {entry.partition: entry.high if at is None else at for entry, at in zip(held, found, strict=True)}
    result = {}
    for entry in held:
        by_name = {"earliest": entry.low, "latest": entry.high, "current": entry.committed}
        position = target if isinstance(target, int) else by_name[target]
        if position is None:
            raise OffsetsError(
                f"the group has no offset of partition {entry.partition} that it could keep",
                "name another place: `earliest`, `latest`, an offset or a time",
            )
        if not entry.low <= position <= entry.high:
            raise OffsetsError(
                f"partition {entry.partition} has no offset {position}: the broker holds {entry.low} to {entry.high}",
                "`earliest` and `latest` name the ends",
            )
        result[entry.partition] = position
    return result


def set_offsets(
    feeds: Sequence[Feed],
    config: ClientConfig,
    connect: Callable[[], Client],
    database: str,
    topic_id: str,
    wanted: Mapping[int, int],
) -> None:
    """Commit these offsets with a record that says where each data source goes on, and take the fence for the group, so
    that the next worker is this command's successor. Raises `OffsetsError` while workers run, `ServerError`."""
    group = feeds[0].group_id
    commits = []
    for partition, position in wanted.items():
        record = Record(topic_id, {feed.data_source: FeedProgress(position) for feed in feeds})
        commits.append(TopicPartition(feeds[0].topic, partition, position, record.encode(position)))
    with TopicView(config, feeds[0]) as view:
        try:
            view.commit(commits)
        except KafkaException as error:
            reason = words_of(error)
            hint = hint_for(reason) if is_lasting(reason) else "stop all of its workers first"
            raise OffsetsError(f"the group `{group}` cannot be set: {reason}", hint) from error
    keys = tuple(fence_key(feed.data_source, topic_id, partition) for feed in feeds for partition in wanted)
    try:
        take_ownership(connect(), database, Claim(keys, new_owner(group)))
    except ClickHouseError as error:
        raise ServerError(f"ClickHouse does not answer: {reason_of(error)}", "run it again") from error


def render(
    feed: Feed,
    held: Sequence[Held],
    wanted: Mapping[int, int],
    topic_id: str | None,
    *,
    keeps_records: bool = True,
) -> str:
    """A line for each partition. `topic_id` is the topic's today: an offset may be left of a former one. A broker that
    `keeps_records` shows by them whether a worker has committed."""
    lines = [f"topic {feed.topic}, group {feed.group_id}"]
    for entry in held:
        committed = "-" if entry.committed is None else str(entry.committed)
        by = ""
        if entry.committed is not None and keeps_records:
            by = " by a worker" if entry.record is not None else " by somebody else"
        if is_of_former_topic(entry, topic_id):
            by += ", of a former topic of that name"
        to = f"  to {wanted[entry.partition]}" if entry.partition in wanted else ""
        lines.append(f"  partition {entry.partition}  holds {entry.low}-{entry.high}  committed {committed}{by}{to}")
    return "\n".join(lines)
