"""The rows of a project of `tests/projects`: inserted into its tables, or sent through the mapping as events.

`rows.sql` holds statements, `events/<data source>.ndjson` messages as they stand in Kafka: what an empty line separates
comes in inserts of its own, so that views see more than one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clickhouse_connect.driver.client import Client

from schemas.model import Project
from tests.schemas.mapping.mapped import Mapped


def fill(client: Client, database: str, project: Project, folder: Path) -> None:
    """Put the rows of a project's folder into a database to which it is deployed."""
    rows = folder / "rows.sql"
    client.database = database
    for statement in rows.read_text().split(";\n") if rows.exists() else ():
        if statement.strip():
            client.command(statement)
    mapped = Mapped(client, database, project)
    mapped.own()
    for name, messages in events_of(folder):
        mapped.insert(name, messages)


def events_of(folder: Path) -> Iterator[tuple[str, list[bytes]]]:
    """The inserts of a project's events: data source and messages."""
    for path in sorted(folder.glob("events/*.ndjson")):
        for block in path.read_bytes().strip().split(b"\n\n"):
            yield path.stem, block.splitlines()
