"""`.datasource` files: instructions to a DataSource."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.files.columns import parse_columns
from schemas.files.engine import ENGINE_LINES, engine_of
from schemas.files.indexes import read_indexes
from schemas.files.kafka_lines import KAFKA_LINES, kafka_source_of
from schemas.files.lines.datafile import Datafile, Line
from schemas.files.lines.declared import DeclaredLine, by_name
from schemas.files.lines.instructions import Grammar, Instruction, read_instructions
from schemas.files.projections import parse_projections
from schemas.files.tokens import read_list, read_token
from schemas.model import Column, ColumnType, DataSource, Engine, Place, Problem, Token
from schemas.sql.expressions import names_in

# What stands in a file by itself; the lines of the engine and of Kafka are declared in their own modules.
_LINES = by_name(
    (
        DeclaredLine("DESCRIPTION", "description"),
        DeclaredLine("TAGS", "tags", read_list),
        DeclaredLine("SHARED_WITH", "shared_with", read_list),
        DeclaredLine("FORWARD_QUERY", "forward_query"),
        DeclaredLine("BACKFILL", "backfill"),
        DeclaredLine("INDEXES", "indexes", read_indexes),
    )
)
# Kept by their names in `others`, since nothing acts on them.
_KEPT = by_name(
    DeclaredLine(name, "others", warning=f"{name} in a data source is kept but not acted on")
    for name in ("SOURCE", "VERSION", "DATASOURCE", "TYPE")
)
_IMPORT = ("CONNECTION_NAME", "BUCKET_URI", "SCHEDULE", "FORMAT", "FROM_TIMESTAMP", "TABLE_ARN", "EXPORT_BUCKET")
# Every line of an import is taken. These are named all the same, for lower case and for what a misspelt one may have
# meant.
_IMPORTS = frozenset(f"IMPORT_{name}" for name in _IMPORT)
_IMPORT_PREFIXES = ("IMPORT_", "PG_", "S3_", "GCS_", "DYNAMODB_", "EXPORT_")
_DYNAMODB_COLUMNS = {"_timestamp": ("DateTime64(3)", "now64(3)"), "_is_deleted": ("UInt8", "0")}


@dataclass(slots=True)
class _Draft:
    """What has been read of a file so far."""

    schema: Instruction | None = None
    engine: dict[str, Instruction] = field(default_factory=dict)
    kafka: dict[str, Instruction] = field(default_factory=dict)
    imports: list[Instruction] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    # By field of the model.
    values: dict[str, Any] = field(default_factory=dict)


def read_data_source(source: Datafile, name: str) -> DataSource | None:
    """The data source of a file's text, or None; what is wrong is added to `source.problems`."""
    draft = _Draft()
    for instruction in read_instructions(source, _GRAMMAR):
        _take(draft, instruction, source.problems)
    if draft.schema is None:
        hint = "a data source has a `SCHEMA >` with its columns"
        source.problems.append(Problem(Place(source.file), "there is no SCHEMA", hint))
        return None
    read = parse_columns(draft.schema.block or ())
    source.problems += read.problems
    if draft.schema.block is not None and not read.columns and not read.problems:
        hint = "write them indented below `SCHEMA >`"
        source.problems.append(draft.schema.problem("the SCHEMA has no columns", hint))
    engine = engine_of(draft.engine, source.problems)
    projections = parse_projections(source.lines, source.problems)
    columns = (*read.columns, *_implied_columns(draft, read.columns, engine))
    kafka = kafka_source_of(draft.kafka, source.problems)
    if source.has_errors:
        return None
    return DataSource(
        name=name,
        columns=columns,
        engine=engine or Engine(),
        projections=projections,
        tokens=tuple(draft.tokens),
        kafka=kafka,
        others=draft.others,
        source=source.text,
        place=Place(source.file),
        **draft.values,
    )


def _implied_columns(draft: _Draft, declared: Sequence[Column], engine: Engine | None) -> Iterator[Column]:
    """What Tinybird's import from DynamoDB adds to the schema, as far as the engine names it."""
    if engine is None or not any(line.name == "IMPORT_TABLE_ARN" for line in draft.imports):
        return
    names = {column.name for column in declared}
    expressions = (engine.version, engine.is_deleted, engine.partition_key, engine.sorting_key, engine.ttl)
    needed = {name for expression in expressions for name in names_in(expression or "")}
    for name, (kind, default) in _DYNAMODB_COLUMNS.items():
        if name in needed - names:
            yield Column(name, ColumnType(kind.partition("(")[0], kind), default=default, place=engine.place)


def _take(draft: _Draft, instruction: Instruction, problems: list[Problem]) -> None:
    name = instruction.name
    if name == "SCHEMA":
        _take_schema(draft, instruction, problems)
    elif name == "TOKEN":
        token = read_token(instruction, ("READ", "APPEND"), problems)
        draft.tokens += [token] if token is not None else []
    elif name == "SETTINGS":
        problems.append(instruction.problem("SETTINGS option is not allowed", "use ENGINE_SETTINGS"))
    elif name in ENGINE_LINES:
        draft.engine[ENGINE_LINES[name].field] = instruction
    elif name in _LINES:
        draft.values[_LINES[name].field] = _LINES[name].value(instruction, problems)
    elif name.startswith("KAFKA_"):
        draft.kafka[name] = instruction
    elif name in _KEPT:
        draft.others[name] = str(_KEPT[name].value(instruction, problems))
    else:
        draft.others[name] = instruction.text
        draft.imports.append(instruction)


def _take_schema(draft: _Draft, instruction: Instruction, problems: list[Problem]) -> None:
    if draft.schema is not None:
        problems.append(instruction.problem("there is a second SCHEMA", "a data source has one"))
    if instruction.block is None:
        hint = "write `SCHEMA >` and the columns below it"
        problems.append(instruction.problem("SCHEMA must be multiline", hint))
    draft.schema = instruction


def _stays_in_block(name: str, before: Line | None, line: Line) -> bool:
    """A column at the start of a line may be called like an instruction: behind a comma or at the start of the block,
    unless the word is written as instructions are."""
    if name == "DESCRIPTION":
        return line.text.split(None, 1)[0].istitle() and not line.text.rstrip().endswith(">")
    if name == "FORWARD_QUERY":
        return not line.text.split(None, 1)[0].isupper()
    if name != "SCHEMA":
        return False
    goes_on = before is None or before.text.rstrip().endswith(",") or before.text.lstrip().startswith(("--", "#"))
    return goes_on and not line.text.split(None, 1)[0].isupper()


_GRAMMAR = Grammar(
    "datasource",
    frozenset({"SCHEMA", "TOKEN", "SETTINGS", *_LINES, *_KEPT, *ENGINE_LINES, *KAFKA_LINES, *_IMPORTS}),
    ("KAFKA_", *_IMPORT_PREFIXES),
    _stays_in_block,
)
