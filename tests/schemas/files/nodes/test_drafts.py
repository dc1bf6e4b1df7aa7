"""A node from its lines."""

from __future__ import annotations

from schemas.files.lines.datafile import Datafile, lines_of
from schemas.files.lines.instructions import Grammar, read_instructions
from schemas.files.nodes.drafts import draft_of, nodes_of
from schemas.model import Node, Problem

GRAMMAR = Grammar("pipe", frozenset({"NODE", "SQL", "TYPE", "DATASOURCE"}))


def read(text: str) -> tuple[list[Node], list[Problem]]:
    drafts = []
    source = Datafile("x.pipe", lines_of(text, "x.pipe"))
    for instruction in read_instructions(source, GRAMMAR):
        if instruction.name == "NODE":
            drafts.append(draft_of(instruction, source.problems))
        else:
            drafts[-1].take(instruction, source.problems)
    return nodes_of(drafts, source.problems), source.problems


def test_the_name_of_a_node_is_one_word_unless_it_is_quoted() -> None:
    nodes, problems = read("NODE a b\nSQL >\n  SELECT 1\nNODE 'c d'\nSQL >\n  SELECT 2\n")
    assert ([node.name for node in nodes], problems) == (["a", "c d"], [])


def test_each_view_of_a_pipe_of_classic_has_its_own_target() -> None:
    view = "NODE {0}\nSQL >\n  SELECT 1\nTYPE materialized\nDATASOURCE {0}\n"
    nodes, problems = read(view.format("a") + view.format("b"))
    assert ([getattr(node.kind, "target", None) for node in nodes], problems) == (["a", "b"], [])


def test_an_endpoint_beside_a_view_is_one_too_many() -> None:
    view = "NODE a\nSQL >\n  SELECT 1\nTYPE materialized\nDATASOURCE t\n"
    _, problems = read(view + "NODE b\nSQL >\n  SELECT 1\nTYPE endpoint\n")
    assert [(problem.severity, problem.place.line) for problem in problems] == [("error", 9)]
