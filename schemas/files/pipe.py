"""`.pipe` files: instructions to a Pipe and its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from schemas.files.engine import ENGINE_OPTIONS
from schemas.files.lines.datafile import Grammar, Instruction, dedent, read_instructions
from schemas.files.lines.source import Line, Source
from schemas.files.tokens import read_token, split_list
from schemas.model import Node, NodeType, Pipe, Place, Problem, Token
from schemas.template.mark import with_mark_first

_COPIES = ("TARGET_DATASOURCE", "COPY_SCHEDULE", "COPY_MODE", "MODE", "ON_DEMAND_COMPUTE")
_EXPORTS = ("CONNECTION_NAME", "SCHEDULE", "KAFKA_TOPIC", "BUCKET_URI", "FILE_TEMPLATE", "FORMAT", "COMPRESSION")
_ENGINE_LINES = frozenset(name for name in ENGINE_OPTIONS if name.startswith("ENGINE"))
_ATTRIBUTES = _ENGINE_LINES.union(
    ("DATASOURCE", "DEPLOYMENT_METHOD", "CACHE", "FILTER", "SCOPE", "INDEXES", "BACKFILL", "KAFKA_TOPIC", *_COPIES),
    (f"EXPORT_{name}" for name in (*_EXPORTS, "WRITE_STRATEGY", "STRATEGY", "SERVICE")),
)
_SIGNED = ("DESCRIPTION", "TAGS", "TOKEN", "NODE", "SQL", "TYPE", "VERSION", "PUBLISHED_VERSION")
_TYPES = {kind.value: kind for kind in NodeType} | {"stream": NodeType.STANDARD}
_NEEDS = {NodeType.MATERIALIZED: "DATASOURCE", NodeType.COPY: "TARGET_DATASOURCE"}
# What an endpoint or a standard node may carry without meaning anything.
_HARMLESS = frozenset({"CACHE", "BACKFILL"})


@dataclass(slots=True)
class _Draft:
    name: str
    line: Instruction
    sql: Instruction | None = None
    type: NodeType = NodeType.STANDARD
    type_line: Instruction | None = None
    description: str = ""
    attributes: dict[str, Instruction] = field(default_factory=dict)


def read_pipe(source: Source, name: str, *, publishes_last_node: bool = False) -> Pipe | None:
    """The pipe of a file's text, or None; what is wrong is added to `source.problems`.

    `publishes_last_node`: a pipe without any TYPE answers with its last node, as Tinybird's Classic has it.
    """
    problems = source.problems
    drafts: list[_Draft] = []
    tokens: list[Token] = []
    head: dict[str, str] = {}
    for instruction in read_instructions(source, _GRAMMAR):
        if instruction.name == "NODE":
            drafts.append(_Draft(_node_name(instruction, problems), instruction))
        elif instruction.name == "TOKEN":
            token = read_token(instruction, ("READ",), problems)
            tokens += [token] if token is not None else []
        elif instruction.name in ("VERSION", "PUBLISHED_VERSION"):
            problems.append(instruction.problem(f"{instruction.name} is not acted on", warning=True))
        elif instruction.name == "TAGS" or (instruction.name == "DESCRIPTION" and not drafts):
            head[instruction.name] = instruction.text
        else:
            _take(drafts, instruction, problems)
    if not drafts:
        hint = "a pipe has at least one `NODE name` with `SQL >`"
        problems.append(Problem(Place(source.file), "there is no NODE", hint))
    nodes = [node for draft in drafts if (node := _node(draft, problems)) is not None]
    nodes = _distinct(nodes, {draft.line.place: draft for draft in drafts}, problems)
    _check_types(drafts, problems)
    if source.has_errors:
        return None
    if publishes_last_node and all(draft.type_line is None for draft in drafts):
        nodes[-1] = replace(nodes[-1], type=NodeType.ENDPOINT)
    description, tags = head.get("DESCRIPTION", ""), split_list(head.get("TAGS", ""))
    return Pipe(name, tuple(nodes), tuple(tokens), description, tags, source.text, Place(source.file))


def _stays_in_block(name: str, before: Line | None, line: Line) -> bool:
    """A line of SQL without indentation may start with a word that is an instruction elsewhere: `type`, a column, or
    `FILTER (WHERE …)`. Prose may start with one, too."""
    words = line.text.split()
    first, is_shouted = words[0].upper(), words[0].isupper()
    if name == "DESCRIPTION":
        return words[0].istitle() and words[-1] != ">"
    if name != "SQL":
        return False
    if is_shouted and len(words) > 1 and before is not None and before.indent > line.indent and first != "FILTER":
        return False
    if first == "TYPE":
        return len(words) < 2 or words[1].strip("\"'").lower() not in _TYPES
    if first in ("FILTER", "SCOPE", "CACHE", "VERSION", "MODE", "DATASOURCE", "TOKEN", "TAGS", "DESCRIPTION"):
        continues = len(words) > 1 and (words[1][0] in "(=,+-*/.|&!<" or words[1].upper() in ("AS", "IN", "IS", "FROM"))
        return continues or (len(words) == 1 and not is_shouted)
    return len(words) == 1 and not is_shouted


def _node_name(instruction: Instruction, problems: list[Problem]) -> str:
    words = instruction.line.text.split(None, 2)
    is_quoted = len(words) > 1 and words[1].startswith(("'", '"'))
    name = instruction.text if is_quoted else instruction.text.partition(" ")[0]
    if not name:
        problems.append(instruction.problem("the node has no name", "write `NODE name`"))
    return name


def _take(drafts: list[_Draft], instruction: Instruction, problems: list[Problem]) -> None:
    name = instruction.name
    if not drafts:
        hint = "write `NODE name` before it"
        problems.append(instruction.problem(f"{name} stands before any NODE", hint))
        return
    node = drafts[-1]
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
        word = instruction.text.lower()
        if word not in _TYPES:
            hint = f"the types are {', '.join(_TYPES)}"
            problems.append(instruction.problem(f"`{instruction.text[:60]}` is no type of a node", hint))
        node.type, node.type_line = _TYPES.get(word, NodeType.STANDARD), instruction
    else:
        node.attributes[name] = instruction


def _node(draft: _Draft, problems: list[Problem]) -> Node | None:
    if draft.sql is None:
        text = f"the node `{draft.name}` has no SQL"
        problems.append(draft.line.problem(text, "write `SQL >` and the query below it"))
        return None
    sql, place = dedent(draft.sql.block or ())
    if not sql:
        if draft.sql.block is not None:
            problems.append(draft.sql.problem(f"the SQL of the node `{draft.name}` is empty"))
        return None
    sql = with_mark_first(sql)
    tag = min((found for tag in ("{{", "{%") if (found := sql.find(tag)) >= 0), default=None)
    if tag is not None and not sql.startswith("%"):
        problems.append(_unmarked(draft.sql, tag, sql))
        sql = f"%\n{sql}"
        place = Place(place.file, place.line - 1, place.column)
    attributes = {name: instruction.text for name, instruction in draft.attributes.items()}
    return Node(draft.name, sql, draft.type, draft.description, attributes, draft.line.place, place)


def _unmarked(sql: Instruction, tag: int, text: str) -> Problem:
    """The warning about a template without its `%`, at its first tag."""
    filled = [number for number, line in enumerate(sql.block or ()) if line.text.strip()]
    line = (sql.block or (sql.line,))[filled[0] + text.count("\n", 0, tag)]
    column = min((found for mark in ("{{", "{%") if (found := line.text.find(mark)) >= 0), default=0) + 1
    message = "the query holds template tags but does not begin with %: it is read as a template"
    return line.problem(message, "write % on a line of its own before the query", column=column, warning=True)


def _distinct(nodes: Sequence[Node], drafts: Mapping[Place, _Draft], problems: list[Problem]) -> list[Node]:
    """Of nodes with one name the one that has a TYPE, else the last: a name means one node."""
    kept: dict[str, Node] = {}
    for node in nodes:
        first = kept.pop(node.name, None)
        is_first_kept = first is not None and node.type is NodeType.STANDARD and first.type is not NodeType.STANDARD
        kept[node.name] = first if first is not None and is_first_kept else node
        if first is not None:
            counting, left_out = (first, node) if is_first_kept else (node, first)
            text = f"there is a second node `{node.name}`: the one in line {counting.place.line} counts"
            hint = "give one of them another name: the other one is left out"
            problems.append(drafts[left_out.place].line.problem(text, hint, warning=True))
    return list(kept.values())


def _check_types(drafts: Sequence[_Draft], problems: list[Problem]) -> None:
    special = [draft for draft in drafts if draft.type is not NodeType.STANDARD]
    # Classic had pipes with several materialized nodes, which is clear enough.
    exclusive = [draft for draft in special if draft.type is not NodeType.MATERIALIZED]
    if len(special) > 1 and exclusive:
        for draft in special[1:]:
            text = "Multiple non-standard nodes in pipe. There can only be one"
            problems.append((draft.type_line or draft.line).problem(text, "move the node to a pipe of its own"))
    for draft in drafts:
        _check_attributes(draft, problems)


def _check_attributes(draft: _Draft, problems: list[Problem]) -> None:
    needed = _NEEDS.get(draft.type)
    head = draft.type_line or draft.line
    if needed is not None and not (needed in draft.attributes and draft.attributes[needed].text):
        problems.append(head.problem(f"the {draft.type} node `{draft.name}` needs {needed}", f"write `{needed} name`"))
    if draft.type is NodeType.SINK:
        problems.append(head.problem(f"the sink `{draft.name}` is read but exports nothing yet", warning=True))
    elif head.text.lower() == "stream":
        problems.append(head.problem(f"the stream node `{draft.name}` is read as a standard node", warning=True))
    engine = [line for name, line in draft.attributes.items() if name in _ENGINE_LINES]
    if draft.type is NodeType.MATERIALIZED and engine:
        text = f"the ENGINE lines of the node `{draft.name}` are from Tinybird's Classic and not acted on"
        hint = "describe the target in a `.datasource` file"
        problems.append(engine[0].problem(text, hint, warning=True))
    if draft.type in (NodeType.STANDARD, NodeType.ENDPOINT):
        for name in draft.attributes.keys() - _HARMLESS:
            text = f"{draft.type.value.title()} node '{draft.name}' has an invalid attribute ({name.lower()})"
            problems.append(draft.attributes[name].problem(text, "the line is not acted on", warning=True))


_GRAMMAR = Grammar("pipe", _ATTRIBUTES.union(_SIGNED), ("EXPORT_", "COPY_", "KAFKA_", "SINK_"), _stays_in_block)
