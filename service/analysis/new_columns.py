"""Warns of columns that a deploy adds and that events of today's producers do not have."""

from __future__ import annotations

from schemas.model import Column, DataSource, Problem
from schemas.tables.change import Change, Effect
from service.analysis.words import source_line
from service.deployment.plan import Plan


def new_column_warnings(plan: Plan) -> list[Problem]:
    """A warning for each column that a plan adds to a table and without which an event goes to quarantine."""
    return [
        _warning(data_source, column)
        for change in plan.changes
        if (data_source := plan.project.data_sources.get(change.data_source)) is not None
        and change.name == data_source.name
        for column in data_source.columns
        if column.name == change.part and _is_added(change) and _is_required(column)
    ]


def _is_added(change: Change) -> bool:
    return change.effect is not Effect.REFUSED and any("ADD COLUMN" in statement for statement in change.statements)


def _is_required(column: Column) -> bool:
    is_nullable = column.type is not None and column.type.is_nullable
    return column.json_path is not None and column.default is None and not is_nullable


def _warning(data_source: DataSource, column: Column) -> Problem:
    return Problem(
        column.place,
        f"the new column `{column.name}` of `{data_source.name}` is required: events of producers that do not send it"
        " yet will go to quarantine",
        "give it a DEFAULT or a Nullable type until all of them do",
        source_line(data_source.source, column.place),
        "warning",
    )
