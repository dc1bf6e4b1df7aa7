"""`.datasource` files: instructions to a DataSource."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from schemas.files.columns import parse_columns
from schemas.files.engine import ENGINE_OPTIONS, engine_of
from schemas.files.indexes import parse_indexes
from schemas.files.kafka_lines import kafka_source_of
from schemas.files.lines.datafile import Grammar, Instruction, read_instructions
from schemas.files.lines.source import Line, Source
from schemas.files.projections import parse_projections
from schemas.files.tokens import read_token, split_list
from schemas.model import Column, ColumnType, DataSource, Engine, Index, Place, Problem, Token
from schemas.sql.expressions import names_in

_PROSE = ("DESCRIPTION", "TAGS", "SHARED_WITH", "FORWARD_QUERY", "BACKFILL")
_IMPORTS = ("IMPORT_", "PG_", "S3_", "GCS_", "DYNAMODB_", "EXPORT_")
_KEPT = frozenset({"SOURCE", "VERSION", "DATASOURCE", "TYPE"})
_DYNAMODB_COLUMNS = {"_timestamp": ("DateTime64(3)", "now64(3)"), "_is_deleted": ("UInt8", "0")}
_GRAMMAR_WORDS = frozenset({*_PROSE, "SCHEMA", "INDEXES", "TOKEN", "SETTINGS", *_KEPT, *ENGINE_OPTIONS})
_KAFKA = ("CONNECTION_NAME", "TOPIC", "GROUP_ID", "AUTO_OFFSET_RESET", "STORE_RAW_VALUE", "STORE_HEADERS")
_FORMATS = ("KEY_FORMAT", "VALUE_FORMAT")
_IMPORT = ("CONNECTION_NAME", "BUCKET_URI", "SCHEDULE", "FORMAT", "FROM_TIMESTAMP", "TABLE_ARN", "EXPORT_BUCKET")
# Named though their prefixes would do: in lower case, and as what a misspelt line may have meant.
_NAMED = frozenset((*(f"KAFKA_{name}" for name in (*_KAFKA, *_FORMATS)), *(f"IMPORT_{name}" for name in _IMPORT)))


@dataclass(slots=True)
class _Draft:
    """What has been read of a file so far."""

    engine: dict[str, Instruction] = field(default_factory=dict)
    kafka: dict[str, Instruction] = field(default_factory=dict)
    imports: list[Instruction] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)
    schema: Instruction | None = None
    indexes: tuple[Index, ...] = ()
    tokens: list[Token] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)


def read_data_source(source: Source, name: str) -> DataSource | None:
    """The data source of a file's text, or None; what is wrong is added to `source.problems`."""
    draft = _Draft()
    for instruction in read_instructions(source, _GRAMMAR):
        _take(draft, instruction, source.problems)
    _warn_of_imports(draft, source.problems)
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
        indexes=draft.indexes,
        projections=projections,
        tokens=tuple(draft.tokens),
        kafka=kafka,
        description=draft.texts.get("DESCRIPTION", ""),
        tags=split_list(draft.texts.get("TAGS", "")),
        shared_with=split_list(draft.texts.get("SHARED_WITH", "")),
        forward_query=draft.texts.get("FORWARD_QUERY"),
        backfill=draft.texts.get("BACKFILL"),
        others=draft.others,
        source=source.text,
        place=Place(source.file),
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
    elif name in ENGINE_OPTIONS:
        draft.engine[ENGINE_OPTIONS[name]] = instruction
    elif name == "SETTINGS":
        problems.append(instruction.problem("SETTINGS option is not allowed", "use ENGINE_SETTINGS"))
    elif name == "INDEXES":
        if instruction.block is None:
            problems.append(instruction.problem("INDEXES must be multiline", "write `INDEXES >` and one index a line"))
        draft.indexes = parse_indexes(instruction.block or (), problems)
    elif name == "TOKEN":
        token = read_token(instruction, ("READ", "APPEND"), problems)
        draft.tokens += [token] if token is not None else []
    elif name in _PROSE:
        draft.texts[name] = instruction.text
    elif name.startswith("KAFKA_"):
        draft.kafka[name] = instruction
    else:
        draft.others[name] = instruction.text
        if name.startswith(_IMPORTS):
            draft.imports.append(instruction)
        else:
            problems.append(instruction.problem(f"{name} in a data source is kept but not acted on", warning=True))


def _take_schema(draft: _Draft, instruction: Instruction, problems: list[Problem]) -> None:
    if draft.schema is not None:
        problems.append(instruction.problem("there is a second SCHEMA", "a data source has one"))
    if instruction.block is None:
        hint = "write `SCHEMA >` and the columns below it"
        problems.append(instruction.problem("SCHEMA must be multiline", hint))
    draft.schema = instruction


def _warn_of_imports(draft: _Draft, problems: list[Problem]) -> None:
    if draft.imports:
        names = ", ".join(instruction.name for instruction in draft.imports)
        hint = "the table is made; send events to it, or insert into it"
        text = f"imports are read but not acted on yet: {names}"
        problems.append(draft.imports[0].problem(text, hint, warning=True))


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


_GRAMMAR = Grammar("datasource", _GRAMMAR_WORDS | _NAMED, ("KAFKA_", *_IMPORTS), _stays_in_block)
