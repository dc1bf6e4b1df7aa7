"""`.pipe` files: instructions to a Pipe and its nodes."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.files.lines.datafile import Datafile, Line
from schemas.files.lines.instructions import Grammar, Instruction, read_instructions
from schemas.files.nodes.drafts import NodeDraft, draft_of, nodes_of
from schemas.files.nodes.kinds import CACHE, ENDPOINT, FORMS, NODE_PREFIXES, NODE_WORDS
from schemas.files.tokens import read_list, read_token
from schemas.model import Pipe, Place, Problem, Token

_NOT_ACTED_ON = ("VERSION", "PUBLISHED_VERSION")
_WORDS = frozenset({"DESCRIPTION", "TAGS", "TOKEN", "NODE", "SQL", "TYPE", *_NOT_ACTED_ON})


@dataclass(slots=True)
class _Draft:
    """What has been read of a file so far."""

    nodes: list[NodeDraft] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    description: str = ""
    tags: tuple[str, ...] = ()
    cache: Instruction | None = None


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
    if publishes_last_node and draft.nodes and all(each.type_line is None for each in draft.nodes):
        draft.nodes[-1].form = ENDPOINT
    if draft.cache is not None:
        _give_cache(draft.cache, draft.nodes, source.problems)
    nodes = nodes_of(draft.nodes, source.problems)
    if source.has_errors:
        return None
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
    elif name == CACHE:
        draft.cache = instruction
    else:
        problems.append(instruction.problem(f"{name} stands before any NODE", "write `NODE name` before it"))


def _give_cache(cache: Instruction, nodes: list[NodeDraft], problems: list[Problem]) -> None:
    """Give the CACHE at a pipe's head to its endpoint, unless that has one of its own."""
    endpoint = next((each for each in nodes if each.form is ENDPOINT), None)
    if endpoint is None:
        hint = "answers are kept of an endpoint: give one of its nodes the line `TYPE endpoint`"
        problems.append(cache.problem("CACHE is not acted on: the pipe is no endpoint", hint, warning=True))
    elif CACHE in endpoint.lines:
        text = f"CACHE is not acted on: that of the node `{endpoint.name}` counts"
        problems.append(cache.problem(text, "leave one of them out", warning=True))
    else:
        endpoint.lines[CACHE] = cache


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
