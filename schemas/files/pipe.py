"""`.pipe` files: instructions to a Pipe and its nodes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from schemas.files.lines.datafile import Datafile, Line
from schemas.files.lines.instructions import Grammar, Instruction, read_instructions
from schemas.files.nodes.drafts import NodeDraft, draft_of, nodes_of
from schemas.files.nodes.kinds import FORMS, NODE_PREFIXES, NODE_WORDS
from schemas.files.tokens import read_list, read_token
from schemas.model import Endpoint, Pipe, Place, Problem, Token

_NOT_ACTED_ON = ("VERSION", "PUBLISHED_VERSION")
_WORDS = frozenset({"DESCRIPTION", "TAGS", "TOKEN", "NODE", "SQL", "TYPE", *_NOT_ACTED_ON})


@dataclass(slots=True)
class _Draft:
    """What has been read of a file so far."""

    nodes: list[NodeDraft] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    description: str = ""
    tags: tuple[str, ...] = ()


def read_pipe(source: Datafile, name: str, *, publishes_last_node: bool = False) -> Pipe | None:
    """The pipe of a file's text, or None; what is wrong is added to `source.problems`.

    `publishes_last_node`: a pipe without any TYPE answers with its last node, as Tinybird's Classic has it.
    """
    draft = _Draft()
    for instruction in read_instructions(source, _GRAMMAR):
        _take(draft, instruction, source.problems)
    if not draft.nodes:
        hint = "a pipe has at least one `NODE name` with `SQL >`"
        source.problems.append(Problem(Place(source.file), "there is no NODE", hint))
    nodes = nodes_of(draft.nodes, source.problems)
    if source.has_errors:
        return None
    if publishes_last_node and all(each.type_line is None for each in draft.nodes):
        nodes[-1] = replace(nodes[-1], kind=Endpoint())
    return Pipe(name, tuple(nodes), tuple(draft.tokens), draft.description, draft.tags, source.text, Place(source.file))


def _take(draft: _Draft, instruction: Instruction, problems: list[Problem]) -> None:
    name = instruction.name
    if name == "NODE":
        draft.nodes.append(draft_of(instruction, problems))
    elif name == "TOKEN":
        token = read_token(instruction, ("READ",), problems)
        draft.tokens += [token] if token is not None else []
    elif name in _NOT_ACTED_ON:
        problems.append(instruction.problem(f"{name} is not acted on", warning=True))
    elif name == "TAGS":
        draft.tags = read_list(instruction, problems)
    elif draft.nodes:
        draft.nodes[-1].take(instruction, problems)
    elif name == "DESCRIPTION":
        draft.description = instruction.text
    else:
        problems.append(instruction.problem(f"{name} stands before any NODE", "write `NODE name` before it"))


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
        return len(words) < 2 or words[1].strip("\"'").lower() not in FORMS
    if first in ("FILTER", "SCOPE", "CACHE", "VERSION", "MODE", "DATASOURCE", "TOKEN", "TAGS", "DESCRIPTION"):
        continues = len(words) > 1 and (words[1][0] in "(=,+-*/.|&!<" or words[1].upper() in ("AS", "IN", "IS", "FROM"))
        return continues or (len(words) == 1 and not is_shouted)
    return len(words) == 1 and not is_shouted


_GRAMMAR = Grammar("pipe", _WORDS | NODE_WORDS, NODE_PREFIXES, _stays_in_block)
