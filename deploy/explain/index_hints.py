"""What an index would spare a lookup, counted on the table as it is: nothing is built and nothing is changed for it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap

from deploy.explain.lookups import Condition, Lookup
from schemas.sql.text import identifier

Ask = Callable[[str], Awaitable[bytes]]
"""Runs SQL with the query's bound values, under its limits; gives the rows as JSON lines."""

MANY_ROWS = 100_000
"""Below this, whatever is read takes milliseconds."""

# Rows read for each row that is kept, from which on a lookup is told about.
_FAR_MORE = 10
# How many times fewer rows a line must leave to be worth its price.
_WORTH = 4
_GRANULE = 8_192
_TEXTS = frozenset({"String", "FixedString"})


@dataclass(frozen=True, slots=True)
class Counted:
    """One condition of a lookup: the rows and granules that ClickHouse reads now at most, those that a perfect index
    would leave, the rows that the condition holds for, and the most that a projection sorted by its column reads."""

    table: str
    condition: Condition
    rows: int
    granules: int
    matching: int
    indexed_rows: int
    indexed_granules: int
    projected_rows: int


async def count(lookup: Lookup, ask: Ask) -> tuple[Counted, ...]:
    """Count for each condition of a lookup which granules hold a row that it is true for. Raises what `ask` raises."""
    (line,) = (await ask(_question(lookup))).splitlines()
    answer: Mapping[str, str | int] = json.loads(line)
    table = lookup.data_source.name

    def counted(number: int, condition: Condition) -> Counted:
        names = ("rows", "granules")
        own = (f"{name}{number}" for name in ("matching", "indexed_rows", "indexed_granules", "projected_rows"))
        return Counted(table, condition, *(int(answer[name]) for name in (*names, *own)))

    return tuple(starmap(counted, enumerate(lookup.conditions)))


def _question(lookup: Lookup) -> str:
    numbers = range(len(lookup.conditions))
    each = [f"countIf({each.sql}) AS m{number}" for number, each in enumerate(lookup.conditions)]
    parts = [f"sum(m{n}) AS m{n}_, sumIf(r, m{n} > 0) AS r{n}, countIf(m{n} > 0) AS g{n}" for n in numbers]
    # Of rows that lie together, each part holds at most two granules more than they fill.
    whole = [
        f"sum(m{n}_) AS matching{n}, sum(r{n}) AS indexed_rows{n}, sum(g{n}) AS indexed_granules{n},"
        f" sum(least(r_, (intDiv(m{n}_, {_GRANULE}) + 2) * {_GRANULE})) AS projected_rows{n}"
        for n in numbers
    ]
    where = f" WHERE {' AND '.join(lookup.narrowing)}" if lookup.narrowing else ""
    return (
        f"SELECT sum(r_) AS rows, sum(g_) AS granules, {', '.join(whole)} FROM ("
        f"SELECT p, sum(r) AS r_, count() AS g_, {', '.join(parts)} FROM ("
        f"SELECT _part AS p, _part_granule_offset AS g, count() AS r, {', '.join(each)}"
        f" FROM {identifier(lookup.data_source.name)}{where} GROUP BY p, g) GROUP BY p)"
        # Counted is the table itself, even where a projection of it would be cheaper to ask.
        " SETTINGS optimize_use_projections = 0"
    )


def hint(lookup: Lookup, counted: Sequence[Counted], rows_read: int) -> str:
    """What to add to the data source's file, for people; empty where little is read, or no line would change that."""
    if not counted:
        return ""
    best = min(counted, key=lambda each: (min(each.indexed_rows, each.projected_rows), each.matching))
    if rows_read < max(MANY_ROWS, _FAR_MORE * best.matching):
        return ""
    shown = best.condition.sql.replace(f'"{best.condition.column}"', best.condition.column)
    found = (
        f"{best.table}: {rows_read:,} rows read, {best.matching:,} of them pass `{shown}`; these lie in"
        f" {best.indexed_granules:,} of {best.granules:,} granules"
    )
    name, file = f"by_{best.condition.column}", lookup.data_source.place.file
    if best.indexed_rows * _WORTH <= rows_read and best.indexed_rows <= 2 * best.projected_rows:
        kind, more = _index_type(lookup, best.condition.column)
        return (
            f"{found}\nwith an index {best.indexed_rows:,} rows would be read{more}\n"
            f"hint: add to `{file}`, below `INDEXES >`:\n    {name} {best.condition.column} TYPE {kind}"
        )
    if best.projected_rows * _WORTH > rows_read:
        return ""
    key = ", ".join(dict.fromkeys((best.condition.column, *_names(lookup.data_source.engine.sorting_key))))
    return (
        f"{found}\nwith an index {best.indexed_rows:,} rows would be read, sorted by `{best.condition.column}` at most"
        f" {best.projected_rows:,}\nhint: add to `{file}`, (its cost: docs/project-files.md):\n"
        f"# birdhouse: PROJECTION {name} (SELECT * ORDER BY {key})"
    )


def _index_type(lookup: Lookup, column: str) -> tuple[str, str]:
    kind = next(each.type for each in lookup.data_source.columns if each.name == column)
    if kind is not None and kind.bare.family in _TEXTS:
        return "text(tokenizer = array)", ""
    return "bloom_filter(0.01) GRANULARITY 1", ", and about 1 % of the rest"


def _names(sorting_key: str | None) -> tuple[str, ...]:
    names = (name.strip(" `()") for name in (sorting_key or "").split(","))
    return tuple(name for name in names if name.isidentifier() and name != "tuple")
