"""Which materialized views rows of a table go through, one behind another, and what each of them costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.own_names import quarantine_table
from schemas.sql.text import literal
from service.clickhouse.asking import Asker
from service.clickhouse.connect import reason_of
from service.errors import ServerError

SAMPLE_ROWS = 100_000
"""Of the table's largest part, as one insert has them that is as large as a worker makes it."""

# Fewer take no longer than what a query takes before its first row.
_FEWEST_ROWS = 10_000
# The quickest of so many runs: the others were held up by something else.
_RUNS = 3
_LOG = "query_views_log"
_LOG_HOURS = 24


@dataclass(frozen=True, slots=True)
class Firing:
    """A view that rows of `source` go through, into `target`; `depth` counts the views before it on their way."""

    view: str
    source: str
    target: str
    depth: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one view: rows that it wrote of so many, and the CPU that it took for them, None where they are too few to
    say. `is_logged`: seen by ClickHouse at real inserts, else measured on a sample, reading included."""

    rows: int
    written: int
    microseconds: float | None
    is_logged: bool


@dataclass(frozen=True, slots=True)
class ViewCost:
    """A view with its cost, or with why nobody can say it."""

    firing: Firing
    cost: Cost | None
    unknown: str = ""


class ViewCosts:
    """Of the views of one database."""

    def __init__(self, asker: Asker, clock: Callable[[], float] = time.perf_counter) -> None:
        self._asker = asker
        self._clock = clock

    def of(self, data_source: str) -> list[ViewCost]:
        """The views that rows of a data source go through, and those that its quarantine's do, each before those behind
        it. Raises `ServerError`."""
        try:
            return [self._cost(firing) for firing in self._firings((data_source, quarantine_table(data_source)))]
        except ClickHouseError as error:
            raise ServerError(f"ClickHouse does not answer: {reason_of(error)}") from error

    def _firings(self, tables: Sequence[str]) -> Iterator[Firing]:
        found = self._asker.rows(
            "SELECT name, dependencies_table, target_table FROM system.tables WHERE database = {database:String}"
        )
        behind = {name: list(views) for name, views, _ in found}
        targets = {name: target for name, _, target in found if target}
        seen: set[str] = set()

        def walk(table: str, depth: int) -> Iterator[Firing]:
            for view in sorted(behind.get(table, ())):
                if view in targets and view not in seen:
                    seen.add(view)
                    yield Firing(view, table, targets[view], depth)
                    yield from walk(targets[view], depth + 1)

        for table in tables:
            yield from walk(table, 0)

    def _cost(self, firing: Firing) -> ViewCost:
        try:
            cost = self._logged(firing) or self._sampled(firing)
        except ClickHouseError as error:
            if getattr(error, "code", None) is None:
                raise
            return ViewCost(firing, None, f"its SELECT fails: {reason_of(error)}")
        return ViewCost(firing, cost, "" if cost is not None else f"`{firing.source}` keeps no rows to try it on")

    def _logged(self, firing: Firing) -> Cost | None:
        if not self._asker.rows(f"SELECT 1 FROM system.tables WHERE database = 'system' AND name = {literal(_LOG)}"):
            return None
        ((rows, written, microseconds),) = self._asker.rows(
            "SELECT sum(read_rows), sum(written_rows),"
            " sum(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds'])"
            f" FROM system.{_LOG} WHERE view_name = {{view:String}} AND status = 'QueryFinish'"
            f" AND event_time > now() - INTERVAL {_LOG_HOURS} HOUR",
            {"view": f"{self._asker.database}.{firing.view}"},
        )
        return Cost(int(rows), int(written), float(microseconds), is_logged=True) if rows else None

    def _sampled(self, firing: Firing) -> Cost | None:
        sample = self._sample(firing.source)
        if sample is None:
            return None
        rows, condition = sample
        ((select,),) = self._asker.rows(
            "SELECT as_select FROM system.tables WHERE database = {database:String} AND name = {view:String}",
            {"view": firing.view},
        )
        _, before = self._run(select, firing.source, f"{condition} AND _part_offset < 0")
        written, seconds = self._run(select, firing.source, condition)
        microseconds = max(0.0, seconds - before) * 1e6 if rows >= _FEWEST_ROWS else None
        return Cost(rows, written, microseconds, is_logged=False)

    def _run(self, select: str, source: str, condition: str) -> tuple[int, float]:
        """How many rows a view's SELECT gives of those of its source that the condition chooses, and how long that
        takes one thread."""
        # Every column is computed, and nothing of them is sent.
        asked = f"SELECT count(), sum(ignore(*)) FROM ({select})"
        table, seconds, written = f"{self._asker.database}.{source}", [], 0
        settings = {"additional_table_filters": f"{{{literal(table)}: {literal(condition)}}}", "max_threads": 1}
        for _ in range(_RUNS):
            began = self._clock()
            ((written, _ignored),) = self._asker.rows(asked, settings=settings)
            seconds.append(self._clock() - began)
        return written, min(seconds)

    def _sample(self, table: str) -> tuple[int, str] | None:
        """How many rows, and the condition that chooses them; None where the table keeps none."""
        parts = self._asker.rows(
            "SELECT name, rows FROM system.parts"
            " WHERE active AND database = {database:String} AND table = {table:String} ORDER BY rows DESC LIMIT 1",
            {"table": table},
        )
        if not parts:
            return None
        name, rows = parts[0]
        return min(int(rows), SAMPLE_ROWS), f"_part = {literal(name)} AND _part_offset < {SAMPLE_ROWS}"


def render_view_costs(data_source: str, costs: Sequence[ViewCost]) -> str:
    """For people: a line a view, below those that its rows come through."""
    if not costs:
        return f"-- views\nno materialized view reads `{data_source}`"
    return "\n".join(["-- views that fire for each insert, and what a row of their source costs", *map(_line, costs)])


def _line(each: ViewCost) -> str:
    firing = each.firing
    begin = f"{'  ' * firing.depth}{firing.view}: {firing.source} -> {firing.target}"
    if each.cost is None:
        return f"{begin}, cost unknown: {each.unknown}"
    cost = each.cost
    found = f"{begin}, {cost.written / cost.rows:.3g} rows written"
    if cost.microseconds is None:
        return f"{found} (tried on {cost.rows:,} rows, too few to say what CPU it takes)"
    found += f", {cost.microseconds / cost.rows:.2f} µs CPU"
    if cost.is_logged:
        return f"{found} ({cost.rows:,} rows of the last {_LOG_HOURS} h, system.{_LOG})"
    return f"{found} at most (tried on {cost.rows:,} rows in one insert)"
