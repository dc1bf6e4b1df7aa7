"""Counts what views have written against what their sources hold."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.operations.verify.countable import StoredTable, UncountableError, adding_up
from deploy.operations.verify.deployed_views import deployed_views
from deploy.operations.verify.report import Verdict
from ingest_worker.storing.broken_view import said_of
from schemas.feed import feeds_of
from schemas.model import Project
from schemas.sql.text import identifier, qualified
from schemas.tables.deployed import from_comment
from schemas.tables.views.view import ViewShape
from service.clickhouse.asking import Asker
from service.clickhouse.connect import reason_of
from service.errors import ServerError

ATTEMPTS = 5
"""An insert fills the source first and its views a moment later: what differs is counted again, a second later."""

# A view's SELECT over all of its source may make more groups than fit into memory.
_SETTINGS = {"max_bytes_before_external_group_by": 1_000_000_000}


@dataclass(slots=True)
class RollupReport:
    """One target of views. `expected` is what their SELECTs give of their sources now, `counted` what the target holds,
    both by column; `fails` says why a view cannot read its source."""

    target: str
    views: tuple[str, ...]
    expected: Mapping[str, int] = field(default_factory=dict)
    counted: Mapping[str, int] = field(default_factory=dict)
    fails: str = ""
    unknown_because: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        if self.fails:
            return Verdict.WRONG
        if self.unknown_because:
            return Verdict.UNKNOWN
        return Verdict.WELL if self.expected == self.counted else Verdict.WRONG


def verify_views(project: Project, asker: Asker, only: str | None = None) -> list[RollupReport]:
    """A report for each target of the views that are deployed, or of those over the data source called `only`. Raises
    `ServerError`."""
    fed = frozenset(feed.data_source for feed in feeds_of(project.data_sources.values()))
    try:
        return verify_rollups(deployed_views(asker, project), asker, fed, only=only)
    except ClickHouseError as error:
        raise ServerError(f"ClickHouse does not answer: {reason_of(error)}") from error


def verify_rollups(
    views: Sequence[ViewShape],
    asker: Asker,
    fed: frozenset[str] = frozenset(),
    *,
    only: str | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> list[RollupReport]:
    """A report for each target, of views over the data source `only` where that is given. `fed` are the tables that
    events come to besides. Raises the driver's errors where ClickHouse cannot be asked."""
    rollups = Rollups(asker, fed, sleep)
    by_target: dict[str, list[ViewShape]] = defaultdict(list)
    for view in views:
        by_target[view.target].append(view)
    return [rollups.report(into) for into in by_target.values() if only is None or only in (v.source for v in into)]


class Rollups:
    """Of one database."""

    def __init__(self, asker: Asker, fed: frozenset[str], sleep: Callable[[float], object]) -> None:
        self._asker = asker
        self._database = asker.database
        self._fed = fed
        self._sleep = sleep
        self._tables = dict(self._read_tables())

    def report(self, views: Sequence[ViewShape]) -> RollupReport:
        """Of all views into one target."""
        report = RollupReport(views[0].target, tuple(view.name for view in views))
        try:
            totals = self._totals(views)
            self._count(report, views, totals)
        except UncountableError as reason:
            report.unknown_because.append(str(reason))
        except ClickHouseError as error:
            if getattr(error, "code", None) is None:
                raise
            report.fails = said_of(str(error))
        return report

    def _totals(self, views: Sequence[ViewShape]) -> Mapping[str, str]:
        """Of the columns that add up in what every one of the views gives."""
        target = self._table(views[0].target)
        if target.name in self._fed:
            raise UncountableError("events come to its target besides")
        former = sorted(target.writers - {view.name for view in views})
        if former:
            raise UncountableError(f"rows of the view `{former[0]}`, which is not there any more, are in it")
        found: dict[str, str] | None = None
        for view in views:
            given = {name: kind for name, kind, *_ in self._asker.rows(f"DESCRIBE ({view.select(self._database)})")}
            adds = adding_up(view, self._database, self._table(view.source), target, given)
            found = adds if found is None else {name: total for name, total in found.items() if name in adds}
        if not found:
            raise UncountableError("no column counts in all of its views")
        return found

    def _count(self, report: RollupReport, views: Sequence[ViewShape], totals: Mapping[str, str]) -> None:
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(1.0)
            before = self._expected(views, totals)
            report.counted = self._sums(qualified(self._database, report.target), totals)
            report.expected = self._expected(views, totals)
            if before == report.expected == report.counted:
                return
        if before != report.expected:
            report.unknown_because.append("rows came in each time that it was counted: ask again when less is coming")

    def _expected(self, views: Sequence[ViewShape], totals: Mapping[str, str]) -> dict[str, int]:
        sums = [self._sums(f"({view.select(self._database)})", totals) for view in views]
        return {name: sum(each[name] for each in sums) for name in totals}

    def _sums(self, source: str, totals: Mapping[str, str]) -> dict[str, int]:
        columns = ", ".join(f"{total} AS {identifier(name)}" for name, total in totals.items())
        (row,) = self._asker.rows(f"SELECT {columns} FROM {source} AS counted", settings=_SETTINGS)
        return {name: int(value or 0) for name, value in zip(totals, row, strict=True)}

    def _table(self, name: str) -> StoredTable:
        if name not in self._tables:
            raise UncountableError(f"there is no table `{name}`: `birdhouse deploy` makes it")
        return self._tables[name]

    def _read_tables(self) -> Iterator[tuple[str, StoredTable]]:
        columns: dict[str, dict[str, str]] = defaultdict(dict)
        where = "WHERE database = {database:String}"
        for table, name, kind in self._asker.rows(f"SELECT table, name, type FROM system.columns {where}"):
            columns[table][name] = kind
        for name, engine, full, key, comment in self._asker.rows(
            f"SELECT name, engine, engine_full, sorting_key, comment FROM system.tables {where}"
        ):
            summed = re.match(r"\w*SummingMergeTree\((.*?)\)+ ", full)
            named = frozenset(re.findall(r"\w+", summed[1])) if summed is not None else frozenset()
            has_ttl = re.search(r"\bTTL\b", full) is not None
            noted = from_comment(comment)
            writers = frozenset(writer.view for writer in noted.writers) if noted is not None else frozenset()
            yield name, StoredTable(name, engine, has_ttl, columns[name], key, writers, named)
