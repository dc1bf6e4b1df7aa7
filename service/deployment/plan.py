"""The plan of a deploy: what ClickHouse holds now, held against the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from clickhouse_connect.driver.client import Client

from schemas.model import Project
from schemas.sql.text import identifier
from schemas.tables.actual import Actual, ActualTable
from schemas.tables.change import Change, Effect
from schemas.tables.diff.project import diff
from schemas.tables.stored_zone import is_utc, stored_type
from service.deployment.actual import read_actual, server_zone


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deploy of `project` into `database` would change, in order; `warnings` are of what stays as it is."""

    project: Project
    database: str
    creates_database: bool
    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
    closed: frozenset[str] = frozenset()  # the data sources whose landing table takes nothing
    is_locked: bool = False  # a deploy is at it
    names_zone: bool = False  # times without a zone are made in UTC, as the server is in another

    @property
    def is_empty(self) -> bool:
        """Whether ClickHouse holds what the project says already."""
        return not self.changes and not self.creates_database

    @property
    def refused(self) -> tuple[Change, ...]:
        """What cannot be done without losing data; nothing of a plan is applied while there is any."""
        return tuple(change for change in self.changes if change.effect is Effect.REFUSED)

    @property
    def only_adds(self) -> bool:
        """Whether nothing that is stored is touched: what a service may apply by itself when it starts."""
        return all(change.effect is Effect.ADDS for change in self.changes)

    @property
    def only_opens(self) -> bool:
        """Whether there is nothing to do but to open what a deploy that died left closed."""
        return bool(self.changes) and all(change.opens for change in self.changes)

    def only_notes(self) -> Plan:
        """What is to be noted of what was made."""
        return replace(self, changes=tuple(change for change in self.changes if change.is_note))

    @property
    def statements(self) -> tuple[str, ...]:
        create = (f"CREATE DATABASE IF NOT EXISTS {identifier(self.database)}",) if self.creates_database else ()
        return (*create, *(statement for change in self.changes for statement in change.statements))

    def render(self) -> str:
        """The plan for people, a line for each change, hints below what is refused."""
        if self.is_empty:
            return f"nothing to do: `{self.database}` holds what the project says"
        lines = [f"adds     {self.database}: create the database"] if self.creates_database else []
        for change in self.changes:
            lines.append(f"{change.effect.value:<8} {change.name}: {change.description}")
            if change.hint:
                lines.append(f"         hint: {change.hint}")
        return "\n".join(lines)


def read_plan(client: Client, project: Project, database: str) -> Plan:
    """Read what ClickHouse holds and compare it with the project. Changes nothing.

    Raises clickhouse_connect's errors when the server cannot be asked.
    """
    found, zone = read_actual(client, project, database), server_zone(client)
    actual, names_zone = found or Actual(), not is_utc(zone)
    return Plan(
        project,
        database,
        creates_database=found is None,
        changes=diff(project, actual, database, names_zone=names_zone),
        warnings=tuple(_zone_warnings(project, actual.tables, zone)) if names_zone else (),
        closed=actual.closed,
        is_locked=actual.is_locked,
        names_zone=names_zone,
    )


def _zone_warnings(project: Project, actual: Mapping[str, ActualTable], zone: str) -> Iterator[str]:
    for name in project.data_sources:
        columns = actual[name].columns.values() if name in actual else ()
        bare = [f"`{column.name}`" for column in columns if stored_type(column.type) != column.type]
        if bare:
            yield (
                f"the table `{name}` was made while ClickHouse was in UTC, or by an earlier release, and ClickHouse's"
                f" own time zone is `{zone}`: keys, TTL and functions such as toDate() take {', '.join(bare)} in that"
                " zone"
                "\nhint: set ClickHouse's time zone to UTC, or fill a data source of another name from this one"
            )
