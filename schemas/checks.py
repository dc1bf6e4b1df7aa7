"""What has to agree within a data source and across a project, beyond what a file's grammar can say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import TokenType
from sqlglot.tokens import Tokenizer

from schemas.conversion import is_ingestible
from schemas.feed import feed_of
from schemas.landing import FENCE_TABLE, landing_table, parsed_table, quarantine_table, views
from schemas.mapping import METADATA
from schemas.model import Column, DataSource, Engine, Pipe, Place, Problem

DEPLOY_LOCK_TABLE = "deploy_lock"
_UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
_NOT_COLUMNS = frozenset((*_UNITS, "interval", "and", "or", "not", "asc", "desc", "null", "true", "false"))


def check_data_source(data_source: DataSource, lines: Mapping[Place, str]) -> Iterator[Problem]:
    """What is wrong with a data source by itself. `lines` are the file's lines by place, to show them."""
    columns = {column.name: column for column in data_source.columns}

    def problem(place: Place, message: str, hint: str = "") -> Problem:
        return Problem(place, message, hint, lines.get(Place(place.file, place.line), ""))

    seen: set[str] = set()
    for column in data_source.columns:
        if column.name in seen:
            yield problem(column.place, f"the column `{column.name}` is declared twice", "rename or remove one of them")
        seen.add(column.name)
    yield from (problem(column.place, *words) for column, *words in _paths(data_source))
    place = data_source.engine.place if data_source.engine.place.file else data_source.place
    for message, hint in _engine(data_source.engine, columns):
        yield problem(place, message, hint)


def check_names(data_sources: Iterable[DataSource], pipes: Iterable[Pipe]) -> Iterator[Problem]:
    """Names that are taken twice, or that our own tables need."""
    taken: dict[str, Place] = {}
    reserved = {FENCE_TABLE: "Birdhouse's own table", DEPLOY_LOCK_TABLE: "Birdhouse's own table"}
    sources = tuple(data_sources)
    for data_source in sources:
        if feed_of(data_source) is not None:
            name = data_source.name
            for own in (quarantine_table(name), landing_table(name), parsed_table(name), *views(name)):
                reserved[own] = f"a table that belongs to the data source `{name}`"
    resources: tuple[DataSource | Pipe, ...] = (*sources, *pipes)
    for resource in resources:
        if resource.name in taken:
            text = f"the name `{resource.name}` is taken by {taken[resource.name].file}"
            yield Problem(
                resource.place, text, "data sources and pipes share one set of names: rename one of the files"
            )
        elif resource.name in reserved:
            text = f"the name `{resource.name}` is that of {reserved[resource.name]}"
            yield Problem(resource.place, text, "rename the file")
        taken.setdefault(resource.name, resource.place)


def _paths(data_source: DataSource) -> Iterator[tuple[Column, str, str]]:
    takes_events = feed_of(data_source) is not None
    for column in data_source.columns:
        if column.json_path is None:
            if takes_events and column.default is None and column.name not in METADATA:
                text = f"the column `{column.name}` has no JSONPath and no DEFAULT, while other columns have a JSONPath"
                yield column, text, f"add `json:$.{column.name}` behind its type"
        elif column.type is None:
            yield column, f"the column `{column.name}` has a JSONPath and no type", "write its type behind the name"
        elif not is_ingestible(column.type):
            text = f"a column of the type {column.type.text} cannot be filled from JSON"
            yield column, text, "leave its JSONPath out, or take String and convert it in a pipe"


def _engine(engine: Engine, columns: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    options = {"version": engine.version, "is_deleted": engine.is_deleted, "sign": engine.sign}
    for option, name in options.items():
        if name and name.strip("`") not in columns:
            yield f"'{name}' column is not present in schema", f"the engine's {option} names it"
    for name in (*engine.columns, *engine.key_columns):
        if name.strip("()` ") not in columns:
            yield f"'{name}' column is not present in schema", "an option of the engine names it"
    keys = {
        "sorting key": engine.sorting_key,
        "partition key": engine.partition_key,
        "primary key": engine.primary_key,
        "sampling key": engine.sampling_key,
    }
    for clause, text in keys.items():
        for name in names_in(text or ""):
            if name not in columns:
                yield f"the {clause} names the column `{name}`, which the schema does not have", _nearest(name, columns)
    for name in names_in(engine.sorting_key or ""):
        column = columns.get(name)
        if column is None or column.type is None:
            continue
        if column.type.is_nullable and "allow_nullable_key" not in (engine.settings or ""):
            text = f"Sorting key contains nullable column '{name}'. Nullable columns cannot be used in sorting keys."
            yield text, "take a plain type with a DEFAULT"
        if column.type.family == "AggregateFunction":
            yield f"Sorting key contains the AggregateFunction column '{name}'", "sort by what is grouped by"
        if engine.name == "ReplacingMergeTree" and engine.version == name:
            text = f"ENGINE_VER '{name}' must not be in the sorting key of a ReplacingMergeTree"
            yield text, "take it out of the sorting key"


def names_in(expression: str) -> tuple[str, ...]:
    """The column names in an expression: identifiers that are no function, no part behind a dot, no unit of time."""
    try:
        tokens = Tokenizer(dialect="clickhouse").tokenize(expression)
    except TokenError:
        return ()
    found: dict[str, None] = {}
    for position, token in enumerate(tokens):
        following = tokens[position + 1].token_type if position + 1 < len(tokens) else None
        before = tokens[position - 1].token_type if position else None
        is_name = token.token_type in (TokenType.VAR, TokenType.IDENTIFIER) or token.text.isidentifier()
        if not is_name or token.token_type in (TokenType.STRING, TokenType.NUMBER):
            continue
        if following in (TokenType.L_PAREN, TokenType.ARROW, TokenType.DOT) or before is TokenType.DOT:
            continue
        if token.token_type is TokenType.IDENTIFIER or token.text.lower() not in _NOT_COLUMNS:
            found[token.text] = None
    return tuple(found)


def _nearest(name: str, columns: Mapping[str, Column]) -> str:
    near = get_close_matches(name, columns, n=1)
    return f"did you mean `{near[0]}`?" if near else f"the columns are {', '.join(columns)}"
