"""Whether the engine of a data source fits its columns: what keys name has to be there and fit to be sorted by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice, pairwise

from sqlglot.tokenizer_core import TokenType

from schemas.files.column_type import split_arguments
from schemas.mapping.views import hidden_columns
from schemas.model import Column, DataSource, Engine
from schemas.sql.expressions import expression_tokens, names_in

# Names that stand for an expression of all rows: no row can be sorted by them.
_AGGREGATES = frozenset(
    ("count", "sum", "avg", "min", "max", "any", "anylast", "uniq", "uniqexact", "argmin", "argmax")
)
# Each is compared with all columns, to say which one was meant.
_MAX_MISSING = 20


def check_engine(data_source: DataSource, *, takes_events: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with the engine, as message and hint. The rules are Tinybird's, which ClickHouse's imply."""
    engine, columns = data_source.engine, {column.name: column for column in data_source.columns}
    hidden = hidden_columns(data_source) if takes_events else ()

    def is_there(name: str) -> bool:
        # Imports add columns of their own to what the schema says (`_timestamp` of DynamoDB).
        return name in columns or name in hidden or (name.startswith("_") and _is_imported(data_source))

    yield from _options(engine, is_there)
    keys = {
        "partition key": engine.partition_key,
        "sorting key": engine.sorting_key,
        "primary key": engine.primary_key,
        "sampling key": engine.sampling_key,
        "TTL": engine.ttl,
    }
    for clause, text in keys.items():
        missing = (name for name in names_in(text or "") if not is_there(name))
        for name in islice(missing, _MAX_MISSING):
            yield f"the {clause} names the column `{name}`, which the schema does not have", _nearest(name, columns)
    yield from _sorting_key(engine, columns)


def engine_warnings(data_source: DataSource) -> Iterator[tuple[str, str]]:
    """What of the engine is taken as it stands and hardly meant, as message and hint."""
    engine = data_source.engine
    if (
        engine.name == "ReplacingMergeTree"
        and engine.version
        and engine.version in _bare_columns(engine.sorting_key or "")
    ):
        text = f"ENGINE_VER '{engine.version}' is in the sorting key of a ReplacingMergeTree"
        yield text, "rows of another version never replace each other: leave it out of the key"


def _options(engine: Engine, is_there: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    options = [("version", engine.version), ("is_deleted", engine.is_deleted), ("sign", engine.sign)]
    options += [("columns", name) for name in engine.columns] + [("key columns", name) for name in engine.key_columns]
    for option, name in options:
        if name and not is_there(name):
            yield f"'{name}' column is not present in schema", f"the {option} of the engine {engine.name} name it"


def _sorting_key(engine: Engine, columns: Mapping[str, Column]) -> Iterator[tuple[str, str]]:
    tokens = expression_tokens(engine.sorting_key or "")
    for token, following in pairwise(tokens):
        if token.text.lower() in _AGGREGATES and following.token_type is TokenType.L_PAREN:
            yield f"Sorting key contains the aggregate function '{token.text}'", "sort by columns of a row"
    for name in _bare_columns(engine.sorting_key or ""):
        column = columns.get(name)
        if column is None or column.type is None:
            continue
        if column.type.is_nullable and "allow_nullable_key" not in (engine.settings or ""):
            text = f"Sorting key contains nullable column '{name}'. Nullable columns cannot be used in sorting keys."
            yield text, "take a plain type with a DEFAULT"
        if column.type.family == "AggregateFunction":
            yield f"Sorting key contains the AggregateFunction column '{name}'", "sort by what is grouped by"


def _bare_columns(key: str) -> Iterator[str]:
    """The columns that stand in a key by themselves; within a function a column may be anything."""
    try:
        parts = split_arguments(key)
    except ValueError:
        return
    for part in parts:
        yield part.strip('`"() ').removesuffix(" DESC").removesuffix(" ASC")


def _is_imported(data_source: DataSource) -> bool:
    return any(line.startswith("IMPORT_") for line in data_source.others)


def _nearest(name: str, columns: Mapping[str, Column]) -> str:
    near = get_close_matches(name, columns, n=1)
    return f"did you mean `{near[0]}`?" if near else f"the columns are {', '.join(list(columns)[:20])}"
