"""`.pipe` files: instructions to a Pipe and its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from schemas.datafile import Instruction, dedent, read_instructions, unquoted
from schemas.datasource import read_token, split_list
from schemas.engine import ENGINE_OPTIONS
from schemas.model import Node, NodeType, Pipe, Place, Problem, Token
from schemas.source import Line, Source

_EXPORTS = ("CONNECTION_NAME", "SCHEDULE", "KAFKA_TOPIC", "BUCKET_URI", "FILE_TEMPLATE", "FORMAT", "COMPRESSION")
_COPIES = ("TARGET_DATASOURCE", "COPY_SCHEDULE", "COPY_MODE", "MODE", "ON_DEMAND_COMPUTE")
_NODE_ATTRIBUTES = {
    *("DATASOURCE", "DEPLOYMENT_METHOD", "CACHE", "INDEXES", "BACKFILL", "SINK_SCHEDULE"),
    *_COPIES,
    *(f"EXPORT_{name}" for name in (*_EXPORTS, "WRITE_STRATEGY", "STRATEGY", "SERVICE")),
    *(name for name in ENGINE_OPTIONS if name.startswith("ENGINE")),
}
KNOWN = _NODE_ATTRIBUTES | {"DESCRIPTION", "TAGS", "TOKEN", "NODE", "SQL", "TYPE", "VERSION", "PUBLISHED_VERSION"}
_TYPES = {kind.value: kind for kind in NodeType} | {"stream": NodeType.STANDARD}
_TARGET = {NodeType.MATERIALIZED: "DATASOURCE", NodeType.COPY: "TARGET_DATASOURCE"}


@dataclass(slots=True)
class _Draft:
    name: str
    line: Instruction
    sql: Instruction | None = None
    type: NodeType = NodeType.STANDARD
    type_line: Instruction | None = None
    description: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


def read_pipe(source: Source, name: str, *, publishes_last_node: bool = False) -> Pipe | None:
    """The pipe of a file's text, or None; what is wrong is added to `source.problems`.

    `publishes_last_node`: a pipe without any TYPE answers with its last node, as Tinybird's Classic has it.
    """
    problems = source.problems
    nodes: list[_Draft] = []
    tokens: list[Token] = []
    head = {"DESCRIPTION": "", "TAGS": ""}
    for instruction in read_instructions(source, KNOWN, "pipe", _stays_in_block):
        if instruction.name == "NODE":
            nodes.append(_Draft(_node_name(instruction, problems), instruction))
        elif instruction.name == "TOKEN":
            token = read_token(instruction, ("READ",), problems)
            if token is not None:
                tokens.append(token)
        elif instruction.name in ("VERSION", "PUBLISHED_VERSION"):
            problems.append(instruction.problem(f"{instruction.name} is ignored", warning=True))
        elif instruction.name == "TAGS" or (instruction.name == "DESCRIPTION" and not nodes):
            head[instruction.name] = instruction.text
        else:
            _take(nodes, instruction, problems)
    if not nodes:
        hint = "a pipe has at least one `NODE name` with `SQL >`"
        problems.append(Problem(Place(source.file), "there is no NODE", hint))
    built = [node for draft in nodes if (node := _node(draft, problems)) is not None]
    _check_names(built, problems)
    _check_types(nodes, problems)
    if any(problem.severity == "error" for problem in problems):
        return None
    if publishes_last_node and all(draft.type_line is None for draft in nodes):
        built[-1] = replace(built[-1], type=NodeType.ENDPOINT)
    tags = split_list(head["TAGS"])
    return Pipe(name, tuple(built), tuple(tokens), head["DESCRIPTION"], tags, source.text, Place(source.file))


def _stays_in_block(name: str, _: Sequence[Line], line: Line) -> bool:
    """An SQL line without indentation may start with a word that is an instruction elsewhere: `type`, a column."""
    if name != "SQL":
        return False
    words = line.text.split()
    first = words[0].upper()
    if first == "TYPE":
        return len(words) != 2 or words[1].strip("\"'").lower() not in _TYPES
    if first in ("NODE", "SQL", "TOKEN", "TAGS", "DESCRIPTION"):
        return words[0] != first and len(words) == 1
    return words[0] != first and words[0].endswith(",")


def _node_name(instruction: Instruction, problems: list[Problem]) -> str:
    value = instruction.value
    name = unquoted(value) if value[:1] in ("'", '"') else value.split(None, 1)[0] if value else ""
    if not name:
        problems.append(instruction.problem("the node has no name", "write `NODE name`"))
    return name


def _take(nodes: list[_Draft], instruction: Instruction, problems: list[Problem]) -> None:
    name = instruction.name
    if not nodes:
        hint = "write `NODE name` before it"
        problems.append(instruction.problem(f"{name} stands before any NODE", hint))
        return
    node = nodes[-1]
    if name == "SQL":
        if instruction.block is None:
            problems.append(instruction.problem("SQL must be multiline", "write `SQL >` and the query below it"))
        elif node.sql is not None:
            text = f"the node `{node.name}` has a second SQL"
            problems.append(instruction.problem(text, "start a new NODE before it"))
        node.sql = instruction
    elif name == "DESCRIPTION":
        node.description = instruction.text
    elif name == "TYPE":
        word = instruction.value.lower()
        if word not in _TYPES:
            hint = f"the types are {', '.join(_TYPES)}"
            problems.append(instruction.problem(f"`{instruction.value[:60]}` is no type of a node", hint))
        node.type, node.type_line = _TYPES.get(word, NodeType.STANDARD), instruction
    else:
        node.attributes[name] = instruction.text


def _node(draft: _Draft, problems: list[Problem]) -> Node | None:
    if draft.sql is None or draft.sql.block is None:
        if draft.sql is None:
            text = f"the node `{draft.name}` has no SQL"
            problems.append(draft.line.problem(text, "write `SQL >` and the query below it"))
        return None
    sql, place = dedent(draft.sql.block)
    if not sql:
        problems.append(draft.sql.problem(f"the SQL of the node `{draft.name}` is empty"))
        return None
    if not sql.lstrip().startswith("%") and ("{{" in sql or "{%" in sql):
        first = next(line for line in draft.sql.block if line.text.strip())
        text = "the query holds template tags but does not start with a % character: it is read as a template"
        problems.append(first.problem(text, "write % on a line of its own before the query", warning=True))
        sql = f"%\n{sql}"
        place = Place(place.file, place.line - 1, place.column)
    attribute = _TARGET.get(draft.type)
    if attribute is not None and attribute not in draft.attributes:
        problems.append(draft.line.problem(f"the {draft.type} node `{draft.name}` needs {attribute}"))
    return Node(draft.name, sql, draft.type, draft.description, draft.attributes, draft.line.place, place)


def _check_names(nodes: Sequence[Node], problems: list[Problem]) -> None:
    seen: set[str] = set()
    for node in nodes:
        if node.name in seen:
            problems.append(Problem(node.place, f"there is a second node `{node.name}`", "give it another name"))
        seen.add(node.name)


def _check_types(nodes: Sequence[_Draft], problems: list[Problem]) -> None:
    special = [draft for draft in nodes if draft.type is not NodeType.STANDARD]
    for draft in special[1:]:
        line = draft.type_line or draft.line
        problems.append(line.problem("Multiple non-standard nodes in pipe. There can only be one"))
    for draft in special[:1]:
        if draft.type is NodeType.SINK:
            text = f"the sink node `{draft.name}` is kept but nothing is exported yet"
            problems.append((draft.type_line or draft.line).problem(text, warning=True))
