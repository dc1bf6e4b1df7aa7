"""The plan of a deploy: what ClickHouse holds now, held against the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from clickhouse_connect.driver.client import Client

from schemas.model import Project
from schemas.own_names import quarantine_table
from schemas.sql.text import identifier
from schemas.tables.actual import Actual, ActualTable
from schemas.tables.change import Change, Effect
from schemas.tables.diff.project import diff
from schemas.tables.diff.views import NO_CHANGES, NOTHING_LEFT, diff_views
from schemas.tables.stored_zone import is_utc, stored_type
from schemas.tables.views.project import NO_VIEWS, ProjectViews, views_in
from schemas.tables.views.view import ViewChanges
from service.deployment.actual import read_actual, server_zone
from service.deployment.cut.steps import read_unfinished


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deploy of `project` into `database` would change, in order; `warnings` are of what stays as it is.

    `changes` are of tables. Those of views come after them: `views` for whoever carries them out, `view_changes` for
    people. `project_views` are all that the project has.
    """

    project: Project
    database: str
    creates_database: bool
    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()
    closed: frozenset[str] = frozenset()  # the data sources whose landing table takes nothing
    is_locked: bool = False  # a deploy is at it
    project_views: ProjectViews = NO_VIEWS
    views: ViewChanges = NO_CHANGES
    view_changes: tuple[Change, ...] = ()
    has_leftovers: bool = False  # of a deploy that died while it filled views
    names_zone: bool = False  # times without a zone are made in UTC, as the server is in another

    @property
    def is_empty(self) -> bool:
        """Whether ClickHouse holds what the project says already."""
        return not (self.differences or self.has_leftovers or self.creates_database)

    @property
    def differences(self) -> tuple[Change, ...]:
        """All changes, of tables and of views, in order."""
        return (*self.changes, *self.view_changes)

    @property
    def refused(self) -> tuple[Change, ...]:
        """What cannot be done without losing data; nothing of a plan is applied while there is any."""
        return tuple(change for change in self.differences if change.effect is Effect.REFUSED)

    @property
    def only_adds(self) -> bool:
        """Whether nothing that is stored is touched: what a service may apply by itself when it starts."""
        return all(change.effect is Effect.ADDS for change in self.differences)

    @property
    def only_opens(self) -> bool:
        """Whether there is nothing to do but to open what a deploy that died left closed."""
        return bool(self.changes) and all(change.opens for change in self.differences) and not self.has_leftovers

    def about(self, data_source: str) -> Plan:
        """What of it is about a data source and what comes through it: no plan to apply, but to look at."""
        shapes, tables = self.project_views.shapes, {data_source, quarantine_table(data_source)}
        for shape in shapes:  # each comes after those that it reads from
            tables |= {shape.target} if shape.source in tables else set()
        views = {shape.name for shape in shapes if shape.source in tables}
        return replace(
            self,
            changes=tuple(change for change in self.changes if change.data_source in ("", data_source)),
            view_changes=tuple(change for change in self.view_changes if change.name in views),
            has_leftovers=False,
        )

    def only_notes(self) -> Plan:
        """What is to be noted of what was made."""
        return replace(self, changes=tuple(change for change in self.changes if change.is_note))

    @property
    def statements(self) -> tuple[str, ...]:
        create = (f"CREATE DATABASE IF NOT EXISTS {identifier(self.database)}",) if self.creates_database else ()
        return (*create, *(statement for change in self.differences for statement in change.statements))

    def render(self) -> str:
        """The plan for people, a line for each change, hints below what is refused."""
        if self.is_empty:
            return f"nothing to do: `{self.database}` holds what the project says"
        lines = [f"adds     {self.database}: create the database"] if self.creates_database else []
        for change in self.differences:
            lines.append(f"{change.effect.value:<8} {change.name}: {change.description}")
            if change.hint:
                lines.append(f"         hint: {change.hint}")
        if self.has_leftovers:
            lines.append(f"adds     {self.database}: drop what a deploy that died has left of its fills")
        return "\n".join(lines)


def read_plan(client: Client, project: Project, database: str, views: ProjectViews | None = None) -> Plan:
    """Read what ClickHouse holds and compare it with the project. Changes nothing.

    `views` are the project's where they are known already, as it takes a while to compile its pipes. Raises
    clickhouse_connect's errors when the server cannot be asked.
    """
    views = views_in(project) if views is None else views
    found, zone = read_actual(client, project, database), server_zone(client)
    actual, names_zone = found or Actual(), not is_utc(zone)
    unfinished = read_unfinished(client, database) if found is not None else NOTHING_LEFT
    of_tables = diff(project, actual, database, views=views, unfinished=unfinished, names_zone=names_zone)
    of_views = diff_views(views, project.data_sources, actual, database, unfinished)
    return Plan(
        project,
        database,
        creates_database=found is None,
        changes=(*of_tables, *of_views.notes),
        warnings=(*_left_undone(views), *(_zone_warnings(project, actual.tables, zone) if names_zone else ())),
        project_views=views,
        views=of_views.changes,
        view_changes=of_views.told,
        has_leftovers=unfinished.has_leftovers,
        closed=actual.closed,
        is_locked=actual.is_locked,
        names_zone=names_zone,
    )


def _left_undone(views: ProjectViews) -> Iterator[str]:
    """What of the project stays without effect, or has another than its author may think."""
    for problem in (*views.not_carried_out, *views.problems):
        if problem.severity == "warning":
            yield f"{problem.place}: {problem.message}" + (f"\nhint: {problem.hint}" if problem.hint else "")


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
