"""What has to agree within a data source, beyond what a file's grammar can say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from schemas.checks.engines import check_engine, engine_warnings
from schemas.feed import feed_of
from schemas.files.column_type import is_state
from schemas.files.projections import check_projections
from schemas.mapping.values.conversion import is_ingestible
from schemas.model import Column, DataSource, Index, Place, Problem
from schemas.own_names import (
    INTERNAL_NAME,
    METADATA,
    OFFSET_INDEX_NAME,
)


def check_data_source(data_source: DataSource, lines: Mapping[Place, str]) -> Iterator[Problem]:
    """What is wrong with a data source by itself. `lines` are the file's lines by place, to show them."""

    def problem(place: Place, message: str, hint: str = "") -> Problem:
        return Problem(place, message, hint, lines.get(Place(place.file, place.line), ""))

    takes_events = feed_of(data_source) is not None
    seen: set[str] = set()
    for column in data_source.columns:
        if column.name in seen:
            yield problem(column.place, f"the column `{column.name}` is declared twice", "rename or remove one of them")
        seen.add(column.name)
        if column.name in METADATA and column.json_path is not None:
            text = f"`{column.name}` is a fact about the message: its JSONPath counts for nothing"
            yield replace(problem(column.place, text, "leave the JSONPath out"), severity="warning")
        is_empty = takes_events and column.json_path is None and column.default is None
        # A JSONPath of a state has its own warning, and no JSON could fill it.
        if is_empty and column.name not in METADATA and not is_state(column.type):
            text = f"the column `{column.name}` has no JSONPath and no DEFAULT, while other columns have a JSONPath"
            hint = f"add `json:$.{column.name}` behind its type; until then events leave it empty"
            yield replace(problem(column.place, text, hint), severity="warning")
    yield from (problem(column.place, *words) for column, *words in _paths(data_source, takes_events=takes_events))
    yield from (problem(index.place, *words) for index, *words in _indexes(data_source, takes_events=takes_events))
    yield from (problem(projection.place, *words) for projection, *words in check_projections(data_source))
    place = data_source.engine.place if data_source.engine.place.file else data_source.place
    yield from (problem(place, *words) for words in check_engine(data_source, takes_events=takes_events))
    for words in engine_warnings(data_source):
        yield replace(problem(place, *words), severity="warning")


def _indexes(data_source: DataSource, *, takes_events: bool) -> Iterator[tuple[Index, str, str]]:
    seen: set[str] = set()
    for index in data_source.indexes:
        if index.name in seen:
            yield index, f"the index `{index.name}` is declared twice", "rename or remove one of them"
        elif index.name == OFFSET_INDEX_NAME and takes_events:
            yield index, f"the name `{index.name}` is one of Birdhouse's own", "rename the index"
        seen.add(index.name)


def _paths(data_source: DataSource, *, takes_events: bool) -> Iterator[tuple[Column, str, str]]:
    for column in data_source.columns:
        if takes_events and INTERNAL_NAME.fullmatch(column.name):
            yield column, f"the name `{column.name}` is one of Birdhouse's own", "rename the column"
        if column.json_path is None:
            continue
        if column.type is None:
            yield column, f"the column `{column.name}` has a JSONPath and no type", "write its type behind the name"
        elif not is_ingestible(column.type):
            text = f"a column of the type {column.type.text} cannot be filled from JSON"
            yield column, text, "leave its JSONPath out, or take String and convert it in a pipe"
