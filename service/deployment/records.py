"""The workers' records of batches that are under way, opened while a deploy may need them, or told that nobody can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client

from schemas.model import Project
from service.deployment.door import OpenRecords, Records
from service.errors import ServiceError


@contextmanager
def known_records(
    client: Client,
    project: Project,
    database: str,
    data_sources: Sequence[str],
    open_records: OpenRecords | None,
    tell: Callable[[str], None],
) -> Iterator[Records | None]:
    """The records, when they can be read for all of these data sources; None otherwise, which people are told."""
    if not data_sources:
        yield None
        return
    if open_records is None:
        _tell_nobody_knows(data_sources, "no Kafka is configured here", tell)
        yield None
        return
    with open_records(client, project, database) as records:
        reason = next(filter(None, (_unreadable(records, name) for name in data_sources)), "")
        if reason:
            _tell_nobody_knows(data_sources, reason, tell)
        yield None if reason else records


def _tell_nobody_knows(data_sources: Sequence[str], reason: str, tell: Callable[[str], None]) -> None:
    tell(
        f"note: nobody asked whether batches of {', '.join(f'`{name}`' for name in data_sources)} are half stored:"
        f" {reason}\n"
        "hint: where inserts failed just before, `birdhouse verify` says afterwards whether each event is stored once"
    )


def _unreadable(records: Records, data_source: str) -> str:
    """Ask once while the door is open, so that connections are there when it is closed. Why nobody can tell; empty when
    the records can be read."""
    try:
        records.recorded(data_source)
    except ServiceError as error:
        return error.message.splitlines()[0]
    return ""
