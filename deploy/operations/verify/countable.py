"""Which columns of a view's target add up: their sum over the whole target is what the view's SELECT gives of the whole
source, however both were merged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from schemas.files.column_type import parse_column_type, split_arguments
from schemas.sql.text import identifier
from schemas.tables.views.view import ViewShape

_ADDING = re.compile(
    r"(count|sum|countIf|sumIf)(State|SimpleState|Merge|MergeState|MergeSimpleState)?\((.*)\)", re.DOTALL
)
_WHOLE_NUMBERS = re.compile(r"U?Int\d+|Decimal\w*")
# What says otherwise each time, or of what another table holds by then.
_CHANGING = re.compile(r"\b(now\w*|today|yesterday|rand\w*|generateUUID\w*|dict[A-Z]\w*|joinGet\w*|UTCTimestamp)\s*\(")
_KEEPS_ROWS, _ADDS_ROWS = "MergeTree", ("SummingMergeTree", "AggregatingMergeTree")


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table as the server has it. `columns`: name → type; `summed`: the columns that a Summing engine names."""

    name: str
    engine: str
    has_ttl: bool
    columns: dict[str, str]
    sorting_key: str = ""
    writers: frozenset[str] = frozenset()  # the views that a deploy knows to have written into it
    summed: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """The engine, wherever its replicas are."""
        return self.engine.removeprefix("Replicated").removeprefix("Shared")


class UncountableError(Exception):
    """Why what a view should have given cannot be told any more."""


def adding_up(
    view: ViewShape, database: str, source: StoredTable, target: StoredTable, given: Mapping[str, str]
) -> dict[str, str]:
    """Columns of the target that add up → SQL over rows of the target, or of the SELECT, that adds them up; `given` are
    the SELECT's own columns (name → type). Raises `UncountableError` where there are none."""
    if not view.fills:
        raise UncountableError("it was not filled (BACKFILL skip), or its target has what another view or SELECT wrote")
    for table in (source, target):
        if table.has_ttl:
            raise UncountableError(f"the TTL of `{table.name}` removes rows")
    others = sorted({*view.reads} - {view.source})
    if others:
        raise UncountableError(f"it reads `{others[0]}` besides, which may have changed since")
    select = _parsed(view.select(database))
    found = dict(_columns(select, source, target, given))
    if not found:
        raise UncountableError("no column of its target counts rows or sums whole numbers")
    return found


def _parsed(sql: str) -> exp.Select:
    if (changing := _CHANGING.search(sql)) is not None:
        raise UncountableError(f"its SELECT calls {changing[1]}(), which says otherwise each time")
    try:
        select = sqlglot.parse_one(sql, dialect="clickhouse")
    except (SqlglotError, RecursionError):
        raise UncountableError("its SELECT is not understood") from None
    if not isinstance(select, exp.Select):
        raise UncountableError("it is made of several SELECTs")
    by_block = (exp.Limit, exp.Distinct, exp.Having, exp.Window, exp.Qualify, exp.SetOperation)
    for part in select.find_all(*by_block):
        raise UncountableError(f"its SELECT depends on which rows came together ({part.key.upper()})")
    return select


def _columns(
    select: exp.Select, source: StoredTable, target: StoredTable, given: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for projection in select.expressions:
        name = projection.alias_or_name
        adds = _ADDING.fullmatch(projection.unalias().sql(dialect="clickhouse"))
        if adds is None or name not in target.columns or name not in given or not _is_kept(select, adds, source):
            continue
        total = _total(name, target.columns[name])
        # One that is rounded on its way into the target adds up otherwise.
        if total and total == _total(name, given[name]) and _keeps_total(target, name):
            yield name, total


def _is_kept(select: exp.Select, adds: re.Match[str], source: StoredTable) -> bool:
    """Whether merges of the source change nothing of it."""
    if source.kind == _KEEPS_ROWS:
        return True
    counts_rows = adds[1].startswith("count") and "Merge" not in (adds[2] or "")
    is_column = re.fullmatch(r"[\w.`\"]+", adds[3].strip()) is not None
    return source.kind in _ADDS_ROWS and not counts_rows and is_column and select.find(exp.Where) is None


def _total(name: str, column_type: str) -> str:
    """SQL: the sum of a column of this type; empty where it is no whole number."""
    try:
        kind = parse_column_type(column_type).bare
    except ValueError:
        return ""
    column = identifier(name)
    if _WHOLE_NUMBERS.fullmatch(kind.family):
        return f"sum({column})"
    if kind.family not in ("AggregateFunction", "SimpleAggregateFunction"):
        return ""
    function, *types = (part.strip() for part in split_arguments(kind.text[kind.text.index("(") + 1 : -1]))
    is_whole = bool(types) and _WHOLE_NUMBERS.match(types[0]) is not None
    if kind.family == "SimpleAggregateFunction":
        return f"sum({column})" if function == "sum" and is_whole else ""
    counts = function in ("count", "countIf") or (function in ("sum", "sumIf") and is_whole)
    return f"{function}Merge({column})" if counts else ""


def _keeps_total(target: StoredTable, name: str) -> bool:
    """Whether merges of the target keep the sum of this column."""
    if target.kind == _KEEPS_ROWS:
        return True
    if "AggregateFunction(" in target.columns[name]:
        return target.kind in _ADDS_ROWS
    in_key = name in re.findall(r"\w+", target.sorting_key)
    return target.kind == "SummingMergeTree" and not in_key and (not target.summed or name in target.summed)
