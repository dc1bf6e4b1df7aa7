"""What a deploy is told of batches under way where the broker is embedded, which keeps no records of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from schemas.model import Project
from service.deployment.door import Records
from service.errors import ServerError


@dataclass(frozen=True, slots=True)
class EmbeddedRecords:
    """Before the worker runs nothing is under way: that broker is new, and no batch of an earlier start can be sent
    again. Beside it nobody can tell."""

    is_worker_running: bool

    @contextmanager
    def __call__(self, client: Client, project: Project, database: str) -> Iterator[Records]:  # noqa: ARG002  as any
        yield self

    def recorded(self, data_source: str) -> frozenset[str]:
        """See `service.deployment.door.Records`."""
        if self.is_worker_running:
            raise ServerError(f"the embedded broker keeps no records of `{data_source}`")
        return frozenset()

    def half_stored(self, data_source: str, recorded: frozenset[str]) -> list[str]:  # noqa: ARG002  none of any
        """See `service.deployment.door.Records`."""
        return []
