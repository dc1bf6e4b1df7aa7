"""`.datasource` files: instructions to a DataSource."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from schemas.columns import parse_columns
from schemas.datafile import Instruction, read_instructions
from schemas.engine import ENGINE_OPTIONS, engine_of
from schemas.model import DataSource, Engine, Index, KafkaSource, Permission, Place, Problem, Token
from schemas.source import Line, Source

_KAFKA_USED = ("CONNECTION_NAME", "TOPIC", "GROUP_ID", "AUTO_OFFSET_RESET", "STORE_RAW_VALUE", "STORE_HEADERS")
_KAFKA_FORMATS = ("KEY_FORMAT", "VALUE_FORMAT")
_KAFKA_OLD = ("STORE_BINARY_HEADERS", "TARGET_PARTITIONS", "KEY_AVRO_DESERIALIZATION", "SCHEMA_REGISTRY_URL")
_KAFKA_LOGIN = ("BOOTSTRAP_SERVERS", "KEY", "SECRET", "SASL_MECHANISM", "SECURITY_PROTOCOL")
_KAFKA = frozenset(f"KAFKA_{name}" for name in (*_KAFKA_USED, *_KAFKA_FORMATS, *_KAFKA_OLD, *_KAFKA_LOGIN))
_FILE_IMPORTS = ("CONNECTION_NAME", "BUCKET_URI", "SCHEDULE", "FORMAT", "FROM_TIMESTAMP", "TABLE_ARN", "EXPORT_BUCKET")
_OLD_IMPORTS = ("STRATEGY", "SERVICE", "EXTERNAL_DATASOURCE", "QUERY")
_IMPORTS = frozenset(
    (
        *(f"IMPORT_{name}" for name in (*_FILE_IMPORTS, *_OLD_IMPORTS)),
        "EXPORT_SERVICE",
        "PG_CONNECTION_NAME",
        "PG_TABLE",
    )
) | {"SOURCE"}
_IGNORED = frozenset({"VERSION", "DATASOURCE", "TYPE"})
_PLAIN = frozenset(
    {"DESCRIPTION", "SCHEMA", "INDEXES", "FORWARD_QUERY", "BACKFILL", "TOKEN", "TAGS", "SHARED_WITH", "SETTINGS"}
)
KNOWN = _PLAIN | _KAFKA | _IMPORTS | _IGNORED | ENGINE_OPTIONS.keys()
_RESETS = ("earliest", "latest", "none")
_INDEX = re.compile(r"(?:INDEX\s+)?(\S+)\s+(.+)\s+TYPE\s+(\S.*?)(?:\s+GRANULARITY\s+(\d+))?\s*,?\s*$", re.IGNORECASE)


@dataclass(slots=True)
class _Draft:
    """What has been read of a file so far."""

    engine: dict[str, Instruction] = field(default_factory=dict)
    kafka: dict[str, Instruction] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    schema: Instruction | None = None
    indexes: tuple[Index, ...] = ()
    tokens: list[Token] = field(default_factory=list)
    description: str = ""
    tags: tuple[str, ...] = ()
    shared_with: tuple[str, ...] = ()
    forward_query: str | None = None
    backfill: str | None = None


def read_data_source(source: Source, name: str) -> DataSource | None:
    """The data source of a file's text, or None; what is wrong is added to `source.problems`."""
    draft = _Draft()
    problems = source.problems
    for instruction in read_instructions(source, KNOWN, "datasource", _stays_in_block):
        _take(draft, instruction, problems)
    if draft.schema is None:
        hint = "a data source has a `SCHEMA >` with its columns"
        problems.append(Problem(Place(source.file), "there is no SCHEMA", hint))
        return None
    read = parse_columns(draft.schema.block or ())
    problems += read.problems
    if not read.columns and not read.problems:
        problems.append(draft.schema.problem("the SCHEMA has no columns", "write them indented below `SCHEMA >`"))
    engine = engine_of(draft.engine, problems)
    kafka = _kafka(draft.kafka, problems)
    if any(problem.severity == "error" for problem in problems):
        return None
    return DataSource(
        name=name,
        columns=tuple(read.columns),
        engine=engine or Engine(),
        indexes=draft.indexes,
        tokens=tuple(draft.tokens),
        kafka=kafka,
        description=draft.description,
        tags=draft.tags,
        shared_with=draft.shared_with,
        forward_query=draft.forward_query,
        backfill=draft.backfill,
        others=draft.others,
        place=Place(source.file),
    )


def read_token(instruction: Instruction, allowed: Sequence[str], problems: list[Problem]) -> Token | None:
    """`TOKEN name PERMISSION`; `allowed` are the permissions of this kind of file."""
    words = instruction.value.replace('"', " ").replace("'", " ").split()
    if len(words) < 2:
        hint = f"write `TOKEN name {allowed[0]}`"
        problems.append(instruction.problem("a token needs a name and a permission", hint))
        return None
    name, permission = " ".join(words[:-1]), words[-1].upper()
    if permission == "CREATE":
        text = "the permission CREATE of Tinybird's Classic has no meaning here: the line is ignored"
        problems.append(instruction.problem(text, warning=True))
        return None
    if permission not in allowed:
        if allowed == ("READ",):
            text = f"Invalid permission {permission} for token {name}. Only READ is allowed for pipes"
        else:
            text = f"Invalid permission: {permission}. Only READ and APPEND are supported"
        problems.append(instruction.problem(text))
        return None
    return Token(name, cast("Permission", permission), instruction.place)


def split_list(text: str) -> tuple[str, ...]:
    """A list written with commas or on lines of their own, quotes removed."""
    words = (part.strip().strip("\"'").strip() for part in text.replace("\n", ",").strip("\"'").split(","))
    return tuple(word for word in words if word)


def _take(draft: _Draft, instruction: Instruction, problems: list[Problem]) -> None:
    name = instruction.name
    if name == "SCHEMA":
        if draft.schema is not None:
            problems.append(instruction.problem("there is a second SCHEMA", "a data source has one"))
        if instruction.block is None:
            problems.append(instruction.problem("SCHEMA must be a block", "write `SCHEMA >` and the columns below it"))
        draft.schema = instruction
    elif name in ENGINE_OPTIONS:
        draft.engine[ENGINE_OPTIONS[name]] = instruction
    elif name == "SETTINGS":
        problems.append(instruction.problem("SETTINGS is not valid here", "use ENGINE_SETTINGS"))
    elif name == "INDEXES":
        draft.indexes = _indexes(instruction.block or (), problems)
    elif name == "TOKEN":
        token = read_token(instruction, ("READ", "APPEND"), problems)
        if token is not None:
            draft.tokens.append(token)
    elif name in _KAFKA:
        draft.kafka[name] = instruction
    elif name in _IMPORTS:
        text = f"{name} is kept but nothing imports from there yet: the table is made, and stays empty"
        if not draft.others.keys() & _IMPORTS:
            problems.append(instruction.problem(text, warning=True))
        draft.others[name] = instruction.text
    elif name in _IGNORED:
        text = f"{name} has no meaning in a data source: the line is ignored"
        problems.append(instruction.problem(text, warning=True))
    else:
        _describe(draft, instruction)


def _describe(draft: _Draft, instruction: Instruction) -> None:
    text = instruction.text
    if instruction.name == "DESCRIPTION":
        draft.description = text
    elif instruction.name == "TAGS":
        draft.tags = split_list(text)
    elif instruction.name == "SHARED_WITH":
        draft.shared_with = split_list(text)
    elif instruction.name == "FORWARD_QUERY":
        draft.forward_query = text
    else:
        draft.backfill = text


def _stays_in_block(name: str, block: Sequence[Line], line: Line) -> bool:
    """A column at the start of a line can be called like an instruction: after a comma the list goes on, unless the
    word is written as instructions are."""
    if name != "SCHEMA":
        return False
    before = next((item.text.rstrip() for item in reversed(block) if item.text.strip()), "")
    word = line.text.split(None, 1)[0]
    return before.endswith(",") and word != word.upper()


def _indexes(block: Sequence[Line], problems: list[Problem]) -> tuple[Index, ...]:
    found: list[Index] = []
    for line in block:
        text = line.text.strip()
        if not text or text.startswith(("#", "--")):
            continue
        match = _INDEX.match(text)
        if match is None:
            hint = "an index is: name expression TYPE type(arguments) GRANULARITY n"
            problems.append(line.problem("this is not an index", hint))
            continue
        name, expression, kind, granularity = match.groups()
        every = int(granularity) if granularity else None
        found.append(Index(name.strip("`"), expression.strip(), kind, every, line.place()))
    return tuple(found)


def _kafka(lines: dict[str, Instruction], problems: list[Problem]) -> KafkaSource | None:
    if not lines:
        return None
    required = ("KAFKA_CONNECTION_NAME", "KAFKA_TOPIC", "KAFKA_GROUP_ID")
    first = next(iter(lines.values()))
    missing = [name for name in required if name not in lines or not lines[name].value]
    if missing:
        problems.append(first.problem(f"a Kafka data source also needs {', '.join(missing)}"))
        return None
    if "KAFKA_STORE_BINARY_HEADERS" in lines:
        text = "KAFKA_STORE_BINARY_HEADERS is not supported"
        problems.append(lines["KAFKA_STORE_BINARY_HEADERS"].problem(text, "use KAFKA_STORE_HEADERS"))
    ignored = sorted(lines.keys() & {f"KAFKA_{name}" for name in (*_KAFKA_OLD[1:], *_KAFKA_LOGIN)})
    problems += (lines[name].problem(f"{name} is ignored here", "connections say it", warning=True) for name in ignored)
    reset = lines["KAFKA_AUTO_OFFSET_RESET"].value.lower() if "KAFKA_AUTO_OFFSET_RESET" in lines else "latest"
    if reset not in _RESETS:
        text = f"`{reset}` is no offset reset"
        problems.append(lines["KAFKA_AUTO_OFFSET_RESET"].problem(text, f"it is one of {', '.join(_RESETS)}"))
    formats = {
        name: lines[name].value if name in lines else None for name in ("KAFKA_KEY_FORMAT", "KAFKA_VALUE_FORMAT")
    }
    for name, value in formats.items():
        if value is not None and value.lower() not in ("json_without_schema", "string"):
            text = f"the format `{value}` is not read yet: messages are read as JSON"
            problems.append(lines[name].problem(text, warning=True))
    return KafkaSource(
        connection=lines["KAFKA_CONNECTION_NAME"].value,
        topic=lines["KAFKA_TOPIC"].value,
        group_id=lines["KAFKA_GROUP_ID"].value,
        auto_offset_reset=cast("Literal['earliest', 'latest', 'none']", reset),
        store_raw_value=_is_true(lines.get("KAFKA_STORE_RAW_VALUE")),
        store_headers=_is_true(lines.get("KAFKA_STORE_HEADERS")),
        key_format=formats["KAFKA_KEY_FORMAT"],
        value_format=formats["KAFKA_VALUE_FORMAT"],
        place=first.place,
    )


def _is_true(instruction: Instruction | None) -> bool:
    return instruction is not None and instruction.value.lower() in ("true", "1", "yes", "on")
