"""Compares what a materialized node selects with the columns of its target: what ClickHouse refuses or does
silently is said.

It refuses a column that the target does not have, and a conversion that there is none for; it converts the others and
gives what is not selected its DEFAULT or the empty value, without a word (tried on 26.9)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from schemas.model import Column, DataSource, Materialization, Place, Problem, Project
from schemas.queries.query import Query
from schemas.queries.trials.origins import RenderedNode
from schemas.sql.expressions import names_in
from schemas.sql.text import identifier, literal
from service.analysis.answers import Asking
from service.analysis.conversions import Loss, loss_of
from service.analysis.located import output_of
from service.analysis.tables import Tables
from service.analysis.words import reason_of, source_line

_EMPTY_BY_NATURE = ("AggregateFunction(", "SimpleAggregateFunction(", "Nullable(", "LowCardinality(Nullable(")


def compare_with_target(
    project: Project, tables: Tables, asking: Asking, text: RenderedNode, described: Sequence[tuple[str, ...]]
) -> Iterator[Problem]:
    """What does not fit between the columns that a node selects (rows of DESCRIBE) and those of its target's file."""
    kind = text.node.node.kind
    assert isinstance(kind, Materialization)
    target, table = project.data_sources.get(kind.target), tables.usable.get(kind.target)
    if target is None or table is None or target.described_by:
        return
    selected = {row[0]: row[1] for row in described}
    wanted = asking.ask(f"DESCRIBE TABLE {identifier(target.name)}", Query(""), [table])
    kept = {row[0]: row[1] for row in wanted.rows if row[2] in ("", "DEFAULT")}
    columns = {column.name: column for column in target.columns}
    kept = {name: type_ for name, type_ in kept.items() if name in columns}
    yield from _extra(text, target, selected, kept)
    yield from _missing(project, text, target, selected, kept, columns)
    for name, type_ in kept.items():
        if name in selected and selected[name] != type_:
            yield from _differing(asking, text, target, columns[name], selected[name], type_)


def _extra(
    text: RenderedNode, target: DataSource, selected: Mapping[str, str], kept: Mapping[str, str]
) -> Iterator[Problem]:
    for name in selected.keys() - kept.keys():
        free = kept.keys() - selected.keys()
        close = difflib.get_close_matches(name, free, 1, 0.5)
        hint = (
            f"did you mean `{close[0]}`?" if close else f"add the column to {target.place.file}, or select it no more"
        )
        said = f"selects `{name}`, which `{target.name}` does not have: ClickHouse makes no such view"
        yield _problem(text, name, said, hint)


def _missing(
    project: Project,
    text: RenderedNode,
    target: DataSource,
    selected: Mapping[str, str],
    kept: Mapping[str, str],
    columns: Mapping[str, Column],
) -> Iterator[Problem]:
    if writers(project, target.name) > 1:
        return  # one view of several may fill some of the columns
    keys = target.engine.sorting_key or ""
    for name, type_ in kept.items():
        column = columns[name]
        if name in selected or column.default is not None or type_.startswith(_EMPTY_BY_NATURE):
            continue
        in_key = name in names_in(keys)
        yield _problem(
            text,
            "",
            f"does not select `{name}` of `{target.name}` ({column.place}): every row would have the empty value of its"
            f" type, {type_}{', in the sorting key' if in_key else ''}",
            "select it, or give it a DEFAULT in the target",
            is_error=in_key,
        )


def _differing(
    asking: Asking, text: RenderedNode, target: DataSource, column: Column, from_type: str, to_type: str
) -> Iterator[Problem]:
    cast = f"CAST(materialize(defaultValueOfTypeName({literal(from_type)})), {literal(to_type)})"
    answer = asking.ask(f"EXPLAIN SELECT {cast}", Query(""), ())
    said = f"selects `{column.name}` as {from_type}, and `{target.name}` has it as {to_type} ({column.place})"
    if answer.is_refused:
        hint = _state_hint(from_type, to_type) or reason_of(answer.reason).text
        yield _problem(text, column.name, f"{said}: ClickHouse makes no such view", hint)
        return
    loss = loss_of(from_type, to_type)
    if loss is not Loss.NONE:
        yield _problem(text, column.name, f"{said}: {loss.value}", _cast_hint(column.name, to_type), is_error=False)


def _state_hint(from_type: str, to_type: str) -> str:
    if to_type.startswith("AggregateFunction(") and not from_type.startswith("AggregateFunction("):
        function = to_type.removeprefix("AggregateFunction(").split(",")[0].split("(")[0].strip(") ")
        return f"select a state: `{function}State(…)`"
    if from_type.startswith("AggregateFunction(") and not to_type.startswith("AggregateFunction("):
        return f"give the target's column the type {from_type}, or select the value without `State`"
    return ""


def _cast_hint(name: str, to_type: str) -> str:
    return f"give both the same type, or say that it is meant: `CAST(…, {literal(to_type)}) AS {name}`"


def writers(project: Project, target: str) -> int:
    """How many views write into a data source."""
    return sum(
        isinstance(node.kind, Materialization) and node.kind.target == target
        for pipe in project.pipes.values()
        for node in pipe.nodes
    )


def _problem(text: RenderedNode, name: str, said: str, hint: str, *, is_error: bool = True) -> Problem:
    place = _place_of_column(text, name)
    message = f"the materialized node `{text.node.node.name}` {said}"
    return Problem(place, message, hint, source_line(text.node.pipe.source, place), "error" if is_error else "warning")


def _place_of_column(text: RenderedNode, name: str) -> Place:
    offset = output_of(name, text.text) if name else None
    return text.place(len(text.text) - len(text.text.lstrip()) if offset is None else offset)
