"""What tests of the mapping stand on: a project that is deployed, raw messages put in, and rows read back as text."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.feed import feed_of
from schemas.mapping.landing import fence_key, landing_of
from schemas.model import Project
from schemas.own_names import FENCE_TABLE, quarantine_table
from schemas.project import load_project
from schemas.sql.text import identifier, qualified
from service.deployment.apply import apply
from service.deployment.plan import read_plan

TOPIC, PARTITION, OWNER = "clicks", 3, 77
MILLISECONDS = 1_747_033_454_123  # 2025-05-12 07:04:14.123 UTC
SETTINGS = {"async_insert": 0, "deduplicate_insert": "enable", "session_timezone": "UTC"}

Row = dict[str, str | None]


def project_of(folder: Path, files: Mapping[str, str]) -> Project:
    """The project of these files: path → text."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_project(folder, environment={})


@dataclass
class Mapped:
    """A deployed project and the one owner of its one partition."""

    client: Client
    database: str
    project: Project
    _offsets: itertools.count[int] = field(default_factory=itertools.count)

    def deploy(self) -> None:
        apply(self.client, read_plan(self.client, self.project, self.database))
        self.own()

    def own(self) -> None:
        """Become the owner of what is inserted here."""
        for name in self.project.data_sources:
            key = fence_key(name, TOPIC, PARTITION)
            fence = qualified(self.database, FENCE_TABLE)
            self.client.insert(fence, [[key, OWNER]], ["key", "owner"], settings=SETTINGS)

    def insert(
        self,
        name: str,
        messages: Sequence[bytes],
        *,
        first: int | None = None,
        token: str = "",
        owner: int = OWNER,
        key: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> range:
        """Insert messages in one block; gives their offsets, which follow those before unless `first` says."""
        start = next(self._offsets) if first is None else first
        self._offsets = itertools.count(max(next(self._offsets), start + len(messages)))
        feed = feed_of(self.project.data_sources[name])
        assert feed is not None
        landing = landing_of(feed)
        same = {
            "__topic": TOPIC,
            "__partition": PARTITION,
            "__timestamp": MILLISECONDS,
            "__fence": fence_key(name, TOPIC, PARTITION),
            "__owner": owner,
            "__key": key,
            "__headers": headers or {},
        }
        columns: dict[str, list[object]] = {column: [value] * len(messages) for column, value in same.items()}
        columns["__offset"] = list(range(start, start + len(messages)))
        columns["__value"] = list(messages)
        self.client.insert(
            # The client takes a name with a dot in it as it is, so that it must be quoted here.
            qualified(self.database, landing.table),
            [columns[column] for column, _ in landing.columns],
            column_names=[column for column, _ in landing.columns],
            column_type_names=[kind for _, kind in landing.columns],
            column_oriented=True,
            settings=SETTINGS | ({"insert_deduplication_token": token} if token else {}),
        )
        return range(start, start + len(messages))

    def rows(self, name: str, columns: Sequence[str], offsets: range | None = None) -> dict[int, Row]:
        """Stored rows by offset: these columns as ClickHouse writes them as text."""
        texts = ", ".join(["__offset", *(f"toString(`{column}`)" for column in columns)])
        found = self.query(f"SELECT {texts} FROM {{table}} {_between(offsets)} ORDER BY __offset", name)
        return {int(row[0]): dict(zip(columns, row[1:], strict=True)) for row in found}

    def reasons(self, name: str, offsets: range | None = None) -> dict[int, dict[str, str]]:
        """Reasons of quarantined messages by offset: column → reason."""
        found = self.query(
            f"SELECT __offset, c__error_column, c__error FROM {{table}} {_between(offsets)} ORDER BY __offset",
            quarantine_table(name),
        )
        return {int(offset): dict(zip(columns, reasons, strict=True)) for offset, columns, reasons in found}

    def query(self, sql: str, table: str = "") -> list[tuple[Any, ...]]:
        """The rows of a query; `{table}` in it becomes a table of the database."""
        text = sql.replace("{table}", qualified(self.database, table))
        return [tuple(row) for row in self.client.query(text, settings={"session_timezone": "UTC"}).result_rows]

    def drop(self) -> None:
        self.client.command(f"DROP DATABASE IF EXISTS {identifier(self.database)} SYNC")


def _between(offsets: range | None) -> str:
    return f"WHERE __offset BETWEEN {offsets.start} AND {offsets.stop - 1}" if offsets is not None else ""
