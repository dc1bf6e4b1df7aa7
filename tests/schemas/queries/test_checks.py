"""What is wrong with nodes, at its place in the file."""

from __future__ import annotations

from schemas.model import Copy, Node, Pipe, Place, Problem
from schemas.queries.checks import check_nodes, problem_at, warnings_of
from schemas.queries.nodes import CompiledNode, NodeKey
from schemas.queries.resolve import Resolver
from schemas.template.errors import TemplateCompileError


def node(sql: str, *, is_copy: bool = False) -> CompiledNode:
    kind = Copy("t") if is_copy else None
    written = Node("n", sql, kind, place=Place("p.pipe"), sql_place=Place("p.pipe", 3, 5))
    return CompiledNode(Pipe("p", (written,), source="NODE n\nSQL >\n    %\n    SELECT {{x}}\n"), written)


def test_an_error_of_a_template_stands_in_the_file() -> None:
    read = node("%\nSELECT 1")
    problem = problem_at(read.pipe, read.node, TemplateCompileError("no", line=2, column=3))
    assert (str(problem.place), problem.source_line) == ("p.pipe:4:7", "    SELECT {{x}}")


def test_a_parameter_that_requests_use_is_a_warning_but_for_the_time_of_a_copy() -> None:
    sql = "% SELECT {{job_timestamp}}, {{token}}"
    told = "the parameter `{}` has a meaning of its own in every request"
    assert [each.message for each in warnings_of(node(sql))] == [told.format("job_timestamp"), told.format("token")]
    assert [each.message for each in warnings_of(node(sql, is_copy=True))] == [told.format("token")]


def test_what_a_node_reads_is_noted_and_what_is_not_there_is_told_once() -> None:
    read = node("% {% if x %}SELECT * FROM nothing{% else %}SELECT 1 FROM nothing, system.one{% end %}")
    pipes = {"p": {"n": read}}
    problems: list[Problem] = []
    graph = check_nodes(pipes, Resolver({}, pipes), problems)
    reads = graph[NodeKey("p", "n")]
    assert (reads.nodes, reads.data_sources) == ((), ())
    assert {each.message for each in problems} == {"Resource 'nothing' not found: what reads it will fail"}
    assert len({each.place for each in problems}) == len(problems) == 2
