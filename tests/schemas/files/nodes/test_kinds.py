"""The TYPE of a node and its lines, as values."""

from __future__ import annotations

from dataclasses import fields

import pytest

from schemas.files.lines.includes import source_of
from schemas.files.nodes.kinds import FORMS
from schemas.files.pipe import read_pipe
from schemas.model import Copy, Endpoint, Materialization, NodeKind, Problem, Sink

NODE = "NODE n\nSQL >\n    SELECT 1\n"


def kind_of(lines: str) -> tuple[NodeKind | None, list[Problem]]:
    source = source_of(NODE + lines, "pipes/p.pipe")
    pipe = read_pipe(source, "p")
    return (None if pipe is None else pipe.nodes[0].kind), source.problems


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ("", None),
        ("TYPE standard\n", None),
        ("TYPE ENDPOINT\n", Endpoint()),
        ("TYPE materialized\nDATASOURCE t\n", Materialization("t")),
        ("DATASOURCE t\nTYPE materialized\nDEPLOYMENT_METHOD Alter\n", Materialization("t", "alter")),
        ("TYPE copy\nTARGET_DATASOURCE t\n", Copy("t", schedule="@on-demand", mode="append")),
        ("TYPE copy\nTARGET_DATASOURCE t\nMODE replace\nCOPY_SCHEDULE @Once\n", Copy("t", "@once", "replace")),
        ("TYPE copy\nTARGET_DATASOURCE t\nCOPY_SCHEDULE 0 9-17/2 * * MON,FRI\n", Copy("t", "0 9-17/2 * * MON,FRI")),
    ],
)
def test_a_type_and_its_lines_are_a_value(lines: str, kind: NodeKind | None) -> None:
    assert kind_of(lines) == (kind, [])


def test_a_sink_has_what_it_exports_to() -> None:
    kind, problems = kind_of(
        "TYPE sink\nEXPORT_CONNECTION_NAME c\nEXPORT_BUCKET_URI s3://b\nEXPORT_FORMAT csv\nEXPORT_STRATEGY @new\n"
    )
    assert kind == Sink("c", bucket_uri="s3://b", format="csv", write_strategy="@new")
    assert problems == []


def test_classic_describes_the_target_of_a_view_in_its_node() -> None:
    kind, problems = kind_of("TYPE materialized\nDATASOURCE t\nENGINE AggregatingMergeTree\nENGINE_SORTING_KEY (a)\n")
    assert isinstance(kind, Materialization)
    assert kind.engine is not None
    assert (kind.engine.name, kind.engine.sorting_key) == ("AggregatingMergeTree", "a")
    assert problems == []


def test_engine_lines_that_may_count_for_nothing_are_never_an_error() -> None:
    kind, problems = kind_of("TYPE materialized\nDATASOURCE t\nENGINE Wadus\n")
    assert kind == Materialization("t", engine=None)
    (problem,) = problems
    assert (problem.severity, "Engine Wadus is not supported" in problem.message) == ("warning", True)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("COPY_MODE upsert", "`upsert` is no COPY_MODE", "write append or replace"),
        (
            "COPY_SCHEDULE hourly",
            "`hourly` is no COPY_SCHEDULE",
            "write a cron expression of five fields, as in `0 * * * *`, or @on-demand or @once",
        ),
    ],
)
def test_a_value_that_a_line_does_not_take_is_an_error_with_its_place(line: str, message: str, hint: str) -> None:
    kind, (problem,) = kind_of(f"TYPE copy\nTARGET_DATASOURCE t\n{line}\n")
    assert kind is None
    assert (problem.severity, str(problem.place)) == ("error", "pipes/p.pipe:6:1")
    assert (problem.message, problem.hint, problem.source_line) == (message, hint, line)


def test_a_value_that_the_environment_does_not_give_yet_is_no_error() -> None:
    kind, problems = kind_of("TYPE copy\nTARGET_DATASOURCE t\nCOPY_MODE ${MODE}\nCOPY_SCHEDULE ${CRON}\n")
    assert isinstance(kind, Copy)
    assert kind.mode == "append"
    assert {problem.severity for problem in problems} == {"warning"}


def test_every_line_of_a_type_goes_to_a_field_that_there_is() -> None:
    for form in FORMS.values():
        known = set() if form.kind is None else {each.name for each in fields(form.kind)}
        assert {line.field for line in form.lines} <= known
        assert not form.needs or form.needs == form.lines[0].name
