"""`.pipe` texts to models and problems."""

from __future__ import annotations

import pytest

from schemas.files.lines.includes import source_of
from schemas.files.pipe import read_pipe
from schemas.model import Copy, Endpoint, Materialization, Pipe, Problem

NODE = "NODE n\nSQL >\n    SELECT 1\n"


def read(text: str, *, publishes_last_node: bool = False) -> tuple[Pipe | None, list[Problem]]:
    source = source_of(text, "pipes/p.pipe")
    return read_pipe(source, "p", publishes_last_node=publishes_last_node), source.problems


def good(text: str) -> Pipe:
    pipe, problems = read(text)
    assert problems == []
    assert pipe is not None
    return pipe


def found(text: str, severity: str) -> list[str]:
    return [problem.message for problem in read(text)[1] if problem.severity == severity]


def test_reads_every_part_of_a_pipe() -> None:
    text = (
        'DESCRIPTION >\n    What users do\nTAGS "a, b"\nTOKEN "dash board" READ\n\n'
        "NODE first\nDESCRIPTION >\n    The base\nSQL >\n\n    SELECT 1 AS one\n\n"
        'NODE "last one"\nSQL >\n    %\n    SELECT {{Int8(x, 1)}}\n      FROM first\nTYPE Endpoint\n'
    )
    pipe = good(text)
    assert (pipe.description, pipe.tags, pipe.tokens[0].name) == ("What users do", ("a", "b"), "dash board")
    assert [(node.name, node.kind) for node in pipe.nodes] == [
        ("first", None),
        ("last one", Endpoint()),
    ]
    assert (pipe.nodes[0].description, pipe.nodes[0].sql) == ("The base", "SELECT 1 AS one")
    assert pipe.nodes[1].sql == "%\nSELECT {{Int8(x, 1)}}\n  FROM first"
    assert str(pipe.nodes[1].sql_place) == "pipes/p.pipe:15:5"
    assert pipe.endpoint is pipe.nodes[1]
    assert pipe.source == text


@pytest.mark.parametrize(
    "text", [NODE.replace("\n", "\r\n"), "\ufeff" + NODE, NODE.replace("    ", "\t"), NODE.lower()]
)
def test_line_ends_marks_tabs_and_case_mean_nothing(text: str) -> None:
    assert good(text).nodes[0].sql.upper() == "SELECT 1"


def test_sql_needs_no_indentation() -> None:
    sql = "%\nSELECT\ntype\n, count()\nFILTER (WHERE a) AS version\nFROM t\nWHERE\ntype = 1"
    node = good(f"NODE n\nSQL >\n{sql}\nTYPE endpoint\n").nodes[0]
    assert (node.kind, node.sql) == (Endpoint(), sql)


def test_a_comment_before_an_instruction_belongs_to_it() -> None:
    assert good("NODE n\nSQL >\n    SELECT 1\n    # kept\n\n# ---- publish\nTYPE endpoint\n").nodes[0].sql == (
        "SELECT 1\n# kept"
    )


def test_a_copy_node_has_its_options() -> None:
    text = NODE + "TYPE copy\nTARGET_DATASOURCE t\nCOPY_SCHEDULE 0 * * * *\nCOPY_MODE replace\n"
    assert good(text).nodes[0].kind == Copy("t", schedule="0 * * * *", mode="replace")


def test_the_engine_lines_of_a_classic_view_are_kept() -> None:
    text = NODE + 'TYPE materialized\nDATASOURCE t\nENGINE "MergeTree"\nENGINE_SORTING_KEY "a"\n'
    pipe, problems = read(text)
    assert pipe is not None
    kind = pipe.nodes[0].kind
    assert isinstance(kind, Materialization)
    assert kind.engine is not None
    assert kind.engine.sorting_key == "a"
    assert problems == []


def test_classic_has_several_views_in_one_pipe() -> None:
    view = "TYPE materialized\nDATASOURCE t\n"
    assert len(good(NODE + view + NODE.replace(" n", " m") + view).nodes) == 2


def test_tags_without_the_mark_are_read_as_a_template_with_a_warning_at_the_first_tag() -> None:
    pipe, problems = read("NODE n\nSQL >\n\n    SELECT 1,\n      {{Int8(x)}}\n")
    assert pipe is not None
    node = pipe.nodes[0]
    assert node.sql == "%\nSELECT 1,\n  {{Int8(x)}}"
    (problem,) = problems
    assert (problem.severity, str(problem.place)) == ("warning", "pipes/p.pipe:5:7")
    # The line before the first one, where the mark would stand.
    assert str(node.sql_place) == "pipes/p.pipe:3:5"


def test_a_pipe_without_any_type_answers_with_its_last_node_where_that_is_asked_for() -> None:
    text = NODE + NODE.replace(" n", " m")
    pipe, _ = read(text, publishes_last_node=True)
    assert pipe is not None
    assert pipe.endpoint is pipe.nodes[1]
    assert good(text).endpoint is None
    typed, _ = read(NODE + "TYPE standard\n", publishes_last_node=True)
    assert typed is not None
    assert typed.endpoint is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no NODE"),
        ("SQL >\n    SELECT 1\n" + NODE, "SQL stands before any NODE"),
        ("NODE n\nSQL SELECT 1\n", "SQL must be multiline"),
        ("NODE n\nSQL >\n\n", "the SQL of the node `n` is empty"),
        ("NODE n\n", "the node `n` has no SQL"),
        ("NODE\nSQL >\n    SELECT 1\n", "the node has no name"),
        (NODE + "SQL >\n    SELECT 2\n", "the node `n` has a second SQL"),
        (NODE + "TYPE materialised\n", "`materialised` is no type of a node"),
        (NODE + "TYPE materialized\n", "the materialized node `n` needs DATASOURCE"),
        (NODE + "TYPE copy\n", "the copy node `n` needs TARGET_DATASOURCE"),
        (NODE + "TOKEN t APPEND\n", "Invalid permission APPEND for token t. Only READ is allowed for pipes"),
        (NODE + "TYPE endpoint\nTOKN t READ\n", "TOKN is not a valid option in pipe files."),
        (
            NODE + "TYPE endpoint\n" + NODE.replace(" n", " m") + "TYPE copy\nTARGET_DATASOURCE t\n",
            "Multiple non-standard nodes in pipe. There can only be one",
        ),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    assert found(text, "error") == [message]


@pytest.mark.parametrize(
    ("text", "kept", "left_out"),
    [
        (NODE + NODE, 4, 1),
        (NODE + "TYPE endpoint\n" + NODE, 1, 5),
        (NODE + NODE + "TYPE endpoint\n", 4, 1),
    ],
)
def test_of_two_nodes_of_one_name_that_with_a_type_counts_or_else_the_last(text: str, kept: int, left_out: int) -> None:
    pipe, problems = read(text)
    assert pipe is not None
    assert [node.place.line for node in pipe.nodes] == [kept]
    (problem,) = problems
    assert (problem.severity, problem.place.line) == ("warning", left_out)
    assert problem.message == f"there is a second node `n`: the one in line {kept} counts"


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ("    \t%\n\tSELECT", "%   \t\nSELECT"),
        ("\t%\n    SELECT", "%\n   SELECT"),
        ("    -- why\n    %\n    SELECT", "%-- why\n\nSELECT"),
        ("    # why\n    /* a\n    b */ %\n    SELECT", "%# why\n/* a\nb */ \nSELECT"),
        ("    \ufeff%\n    SELECT", "% \nSELECT"),
        ("    %   \n    SELECT", "%   \nSELECT"),
    ],
)
def test_the_mark_is_found_behind_blanks_and_comments(before: str, kept: str) -> None:
    pipe, problems = read(f"NODE n\nSQL >\n{before} {{{{Int8(x)}}}} % 2\n")
    assert pipe is not None
    assert problems == []
    sql = pipe.nodes[0].sql
    assert sql == f"{kept} {{{{Int8(x)}}}} % 2"
    # An error in it is told where it stands.
    line = f"NODE n\nSQL >\n{before}".split("\n")[-1]
    assert line.endswith("SELECT")
    assert pipe.nodes[0].sql_place.line + sql.count("\n") == before.count("\n") + 3


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ("TYPE stream\n", "stream"),
        ("DATASOURCE t\n", "Standard node 'n' has an invalid attribute (datasource)"),
        ("VERSION 2\n", "VERSION"),
    ],
)
def test_what_is_kept_but_not_acted_on_is_named_in_a_warning(lines: str, word: str) -> None:
    assert found(NODE + lines, "error") == []
    (message,) = found(NODE + lines, "warning")
    assert word in message


def test_problems_show_their_place_and_line() -> None:
    _, problems = read(NODE + "TYPE endpointt\n")
    assert (str(problems[0].place), problems[0].source_line) == ("pipes/p.pipe:4:1", "TYPE endpointt")


CACHED = NODE + "TYPE endpoint\n"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (CACHED, None),
        (CACHED + "CACHE 60\n", 60),
        (CACHED + 'CACHE "5"  # a dashboard\n', 5),
        (CACHED + "cache 0\n", 0),
        (CACHED + "CACHE 31536000\n", 31_536_000),
        ("CACHE 7\n\n" + CACHED, 7),
        ("CACHE 7\n\n" + CACHED.replace("n\n", "m\n", 1) + NODE, 7),
    ],
)
def test_cache_says_how_long_answers_are_kept(text: str, seconds: int | None) -> None:
    endpoint = good(text).endpoint
    assert endpoint is not None
    assert endpoint.kind == Endpoint(cache_seconds=seconds)


@pytest.mark.parametrize("value", ["1m", "-1", "1.5", "", "31536001", "9999999999999", "'5 s'"])
@pytest.mark.parametrize("text", ["{}\n" + CACHED, CACHED + "{}\n"])
def test_a_wrong_cache_time_is_an_error_with_its_line(text: str, value: str) -> None:
    pipe, problems = read(text.format(f"CACHE {value}"))
    assert pipe is None
    assert [each.message for each in problems] == [f"`{value.strip(chr(39))}` is no CACHE"]
    assert problems[0].place.line == (1 if text.startswith("{") else 5)
    assert "whole seconds" in problems[0].hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NODE + "CACHE 5\n", "Standard node 'n' has an invalid attribute (cache)"),
        (
            NODE + "TYPE materialized\nDATASOURCE t\nCACHE 5\n",
            "Materialized node 'n' has an invalid attribute (cache)",
        ),
        ("CACHE 5\n" + NODE, "CACHE is not acted on: the pipe is no endpoint"),
        ("CACHE 5\n" + CACHED + "CACHE 6\n", "CACHE is not acted on: that of the node `n` counts"),
    ],
)
def test_a_cache_time_that_nothing_acts_on_is_said(text: str, message: str) -> None:
    assert found(text, "warning") == [message]


def test_the_cache_time_of_a_last_node_that_is_published_counts() -> None:
    for text in ("CACHE 5\n" + NODE, NODE + "CACHE 5\n"):
        pipe, problems = read(text, publishes_last_node=True)
        assert pipe is not None
        assert pipe.endpoint is not None
        assert (pipe.endpoint.kind, problems) == (Endpoint(cache_seconds=5), [])
