"""A node while its lines are read, and the node that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.files.lines.instructions import Instruction, dedent
from schemas.files.nodes.kinds import FORMS, PLAIN, NodeForm, kind_problems, read_kind
from schemas.model import Materialization, Node, Place, Problem
from schemas.template.mark import with_mark_first

_TAGS = ("{{", "{%")


@dataclass(slots=True)
class NodeDraft:
    """What has been read of a node so far: `line` is its NODE, `lines` are those of its type by their names."""

    name: str
    line: Instruction
    sql: Instruction | None = None
    form: NodeForm = PLAIN
    type_line: Instruction | None = None
    description: str = ""
    lines: dict[str, Instruction] = field(default_factory=dict)

    def take(self, instruction: Instruction, problems: list[Problem]) -> None:
        """Read one more line of the node."""
        if instruction.name == "SQL":
            if instruction.block is None:
                problems.append(instruction.problem("SQL must be multiline", "write `SQL >` and the query below it"))
            elif self.sql is not None:
                text = f"the node `{self.name}` has a second SQL"
                problems.append(instruction.problem(text, "start a new NODE before it"))
            self.sql = instruction
        elif instruction.name == "DESCRIPTION":
            self.description = instruction.text
        elif instruction.name == "TYPE":
            form = FORMS.get(instruction.text.lower())
            if form is None:
                hint = f"the types are {', '.join(FORMS)}"
                problems.append(instruction.problem(f"`{instruction.text[:60]}` is no type of a node", hint))
            self.form, self.type_line = form or PLAIN, instruction
        else:
            self.lines[instruction.name] = instruction


def draft_of(instruction: Instruction, problems: list[Problem]) -> NodeDraft:
    """The draft that a NODE line opens."""
    words = instruction.line.text.split(None, 2)
    is_quoted = len(words) > 1 and words[1].startswith(("'", '"'))
    name = instruction.text if is_quoted else instruction.text.partition(" ")[0]
    if not name:
        problems.append(instruction.problem("the node has no name", "write `NODE name`"))
    return NodeDraft(name, instruction)


def nodes_of(drafts: Sequence[NodeDraft], problems: list[Problem]) -> list[Node]:
    """The nodes that the drafts make; what is wrong with them, and with them together, is added to the problems."""
    nodes = [node for draft in drafts if (node := _node(draft, problems)) is not None]
    nodes = _distinct(nodes, {draft.line.place: draft for draft in drafts}, problems)
    _check_together(drafts, problems)
    for draft in drafts:
        problems += kind_problems(draft.name, draft.form, draft.type_line or draft.line, draft.lines)
    return nodes


def _node(draft: NodeDraft, problems: list[Problem]) -> Node | None:
    kind = read_kind(draft.form, draft.lines, problems)
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
    tag = min((found for tag in _TAGS if (found := sql.find(tag)) >= 0), default=None)
    if tag is not None and not sql.startswith("%"):
        problems.append(_unmarked(draft.sql, tag, sql))
        sql = f"%\n{sql}"
        place = Place(place.file, place.line - 1, place.column)
    return Node(draft.name, sql, kind, draft.description, draft.line.place, place)


def _unmarked(sql: Instruction, tag: int, text: str) -> Problem:
    """The warning about a template without its `%`, at its first tag."""
    filled = [number for number, line in enumerate(sql.block or ()) if line.text.strip()]
    line = (sql.block or (sql.line,))[filled[0] + text.count("\n", 0, tag)]
    column = min((found for mark in _TAGS if (found := line.text.find(mark)) >= 0), default=0) + 1
    message = "the query holds template tags but does not begin with %: it is read as a template"
    return line.problem(message, "write % on a line of its own before the query", column=column, warning=True)


def _distinct(nodes: Sequence[Node], drafts: Mapping[Place, NodeDraft], problems: list[Problem]) -> list[Node]:
    """Of nodes with one name the one that has a TYPE, else the last: a name means one node."""
    kept: dict[str, Node] = {}
    for node in nodes:
        first = kept.pop(node.name, None)
        is_first_kept = first is not None and node.kind is None and first.kind is not None
        kept[node.name] = first if first is not None and is_first_kept else node
        if first is not None:
            counting, left_out = (first, node) if is_first_kept else (node, first)
            text = f"there is a second node `{node.name}`: the one in line {counting.place.line} counts"
            hint = "give one of them another name: the other one is left out"
            problems.append(drafts[left_out.place].line.problem(text, hint, warning=True))
    return list(kept.values())


def _check_together(drafts: Sequence[NodeDraft], problems: list[Problem]) -> None:
    special = [draft for draft in drafts if draft.form.kind is not None]
    # Classic had pipes with several materialized nodes, which is clear enough.
    if len(special) > 1 and any(draft.form.kind is not Materialization for draft in special):
        for draft in special[1:]:
            text = "Multiple non-standard nodes in pipe. There can only be one"
            problems.append((draft.type_line or draft.line).problem(text, "move the node to a pipe of its own"))
