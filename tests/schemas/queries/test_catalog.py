"""A project is compiled whole: every endpoint, or every problem with its place."""

from __future__ import annotations

import dataclasses

import pytest

from schemas.errors import ProjectError
from schemas.model import Endpoint, Pipe
from schemas.template.errors import ReportedError, TemplateRenderError
from schemas.template.parameters import Parameter
from tests.query_api.projects import catalog, pipe, project

GET_EVENTS = """%
SELECT * FROM events
WHERE 1
  {% if defined(event_type) %} AND event_type = {{ String(event_type, description='of the event') }} {% end %}
  {% if defined(start_date) %} AND timestamp >= {{ DateTime(start_date) }} {% end %}
ORDER BY timestamp DESC
LIMIT {{ Int32(limit, 100) }}"""


def problems(*pipes: Pipe) -> list[tuple[int, int, str]]:
    with pytest.raises(ProjectError) as caught:
        catalog(*pipes)
    return [(each.place.line, each.place.column, each.message) for each in caught.value.problems]


def test_an_endpoint_says_what_it_takes_and_reads() -> None:
    endpoint = catalog(pipe("get_events", endpoint=GET_EVENTS)).endpoints["get_events"]
    assert endpoint.parameters == (
        Parameter("event_type", "String", description="of the event"),
        Parameter("start_date", "DateTime"),
        Parameter("limit", "Int32", default=100),
    )
    assert endpoint.dependencies == ("events",)


def test_optional_conditions_are_there_only_when_given() -> None:
    endpoint = catalog(pipe("get_events", endpoint=GET_EVENTS)).endpoints["get_events"]
    assert "event_type" not in endpoint.render({}).sql
    query = endpoint.render({"event_type": "page_view", "limit": "5", "unknown": "x", "token": "secret"})
    assert "event_type = {p1:String}" in query.sql
    assert query.parameters == {"p1": "page_view", "p2": "5"}


def test_dependencies_are_followed_through_nodes_pipes_and_branches() -> None:
    other = pipe("other", n="% SELECT * FROM {% if defined(x) %}users{% else %}events_quarantine{% end %}")
    compiled = catalog(
        other, pipe("p", a="SELECT * FROM other", n="SELECT 1 IN events FROM a"), tables=("events", "users")
    )
    assert compiled.endpoints["p"].dependencies == ("events", "events_quarantine", "users")
    assert [parameter.name for parameter in compiled.endpoints["p"].parameters] == ["x"]


def test_a_catalog_cannot_be_changed() -> None:
    compiled = catalog(pipe("p", n="SELECT 1"))
    with pytest.raises(TypeError):
        compiled.endpoints["q"] = compiled.endpoints["p"]  # type: ignore[index]  # what must fail
    with pytest.raises(dataclasses.FrozenInstanceError):
        compiled.endpoints["p"].name = "q"  # type: ignore[misc]  # what must fail


def test_every_problem_of_every_node_is_reported_with_its_place() -> None:
    found = problems(
        pipe("bad", a="SELECT * FROM b", b="SELECT * FROM a", c="%\nSELECT *\n  FROM evnts", d="%\nSELECT {{x y}}"),
        pipe(
            "worse", n="% SELECT 1 WHERE 'a' = '{{x}}'", m="SELECT * FROM file('/etc/passwd')", end="SELECT 1; SELECT 2"
        ),
    )
    assert found == [
        (3, 5, "nodes read each other in a circle: `a` → `b` → `a`"),
        (34, 12, "invalid syntax: expected token 'end of the tag', got 'y'"),
        (3, 29, "a tag cannot stand within a string literal"),
        (23, 15, "a node holds one statement"),
    ]


UNAVAILABLE = [
    ("% SELECT * FROM {% if defined(x) %}events{% else %}nowhere{% end %}", "Resource 'nowhere' not found"),
    ("% SELECT * FROM {{table('nowhere')}}", "Resource 'nowhere' not found"),
    ("SELECT * FROM other_database.events", "Resource 'other_database.events' not found"),
    ("SELECT * FROM system.users", "Resource 'system.users' not found"),
    ("SELECT * FROM s3('https://example.com')", "the table function `s3` may stand in copy pipes only"),
    (
        "SELECT * FROM events SETTINGS max_execution_time = 0",
        "the setting `max_execution_time` is not a node's to change",
    ),
    ("SELECT * FROM (SELECT 1 SETTINGS readonly = 0)", "the setting `readonly` is not a node's to change"),
    ("SELECT * FROM file('/etc/passwd')", "the table function `file` is not allowed"),
    ("SELECT * FROM tinybird.pipe_stats", "the service data source `tinybird.pipe_stats` does not exist here"),
]


@pytest.mark.parametrize(("written", "message"), UNAVAILABLE)
def test_what_is_not_to_be_had_ends_the_requests_that_come_to_it_and_no_others(written: str, message: str) -> None:
    compiled = catalog(pipe("p", n=written), pipe("q", n="SELECT 1"), pipe("r", m="SELECT * FROM p", n="SELECT 2"))
    (warning,) = compiled.warnings
    # A service data source is told with everything that reads it.
    told = {f"{message}: what reads it will fail"} | {
        message.replace("` does", "`, which is read by the endpoint `p` and the pipe `r`, does")
        + ": what comes to it fails"
    }
    assert (warning.message in told, warning.severity) == (True, "warning")
    with pytest.raises(TemplateRenderError) as caught:
        compiled.endpoints["p"].render({})
    assert (message if "table(" not in written else "not 'nowhere'") in str(caught.value)
    assert [compiled.endpoints[name].render({}).sql for name in "qr"] == ["SELECT 1", "SELECT 2"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("EXPLAIN SELECT 1", "a node's SQL is a SELECT, not `EXPLAIN`"),
        ("SELECT 1 FORMAT JSON", "a node's SQL cannot have a FORMAT clause"),
        ("% SELECT {% if defined(x) %}f({% end %}1{% if defined(x) %} + 1){% end %}", "a `)` closes nothing"),
    ],
)
def test_sql_that_no_node_may_hold_or_that_only_some_branches_have_ends_their_requests(
    written: str, message: str
) -> None:
    compiled = catalog(pipe("p", n=written), pipe("q", n="SELECT 1"))
    assert {f"{message}: what reads it will fail"} >= {each.message for each in compiled.warnings}
    if "{%" in written:
        assert compiled.endpoints["p"].render({}).sql == "SELECT 1"
        assert compiled.endpoints["p"].render({"x": ""}).sql == "SELECT f(1 + 1)"
        return
    assert compiled.warnings
    with pytest.raises(TemplateRenderError) as caught:
        compiled.endpoints["p"].render({})
    assert message in str(caught.value)


def test_a_branch_that_reads_what_is_there_answers() -> None:
    chosen = "% SELECT * FROM {% if defined(x) %}events{% else %}nowhere{% end %}"
    assert catalog(pipe("p", n=chosen)).endpoints["p"].render({"x": "1"}).sql == "SELECT * FROM events"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("% {% if x %}SELECT 1", "Missing {% end %} block for if at line 1"),
        (
            "% SELECT {{Date(d, '2026-02-30')}}",
            "the default '2026-02-30' of `d` is a date or time that does not exist",
        ),
        (
            "% SELECT {{Array(d, 'DateTime', '2026-01-01 00:00:00,2026-01-01 25:00:00')}}",
            "the default '2026-01-01 25:00:00' of `d` is a date or time that does not exist",
        ),
    ],
)
def test_what_cannot_work_is_refused(written: str, message: str) -> None:
    assert [found for _, _, found in problems(pipe("p", n=written))] == [message]


def test_a_default_of_an_author_may_be_a_time_without_end() -> None:
    endpoint = catalog(pipe("p", n="% SELECT {{Date(d, '9999-12-31')}}")).endpoints["p"]
    assert list(endpoint.render({}).parameters.values()) == ["9999-12-31"]


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("{% if not loop.first %}, {% end %}", "attributes cannot be read: `first`"),
        ("{{foo(x)}}", "Invalid function name: foo"),
        ("{{q}}", '"q" can not be used as a variable name, line 1'),
    ],
)
def test_a_tag_that_may_never_run_is_a_warning_and_ends_the_requests_that_come_to_it(tag: str, message: str) -> None:
    compiled = catalog(pipe("p", n="% SELECT 1{% if defined(x) %}" + tag + "{% end %}"))
    (warning,) = compiled.warnings
    assert (warning.message, warning.severity) == (f"{message}: what comes to it will fail", "warning")
    assert (warning.place.line, warning.place.column) == (3, 5 + len("% SELECT 1{% if defined(x) %}"))
    assert compiled.endpoints["p"].render({}).sql.strip() == "SELECT 1"
    with pytest.raises(TemplateRenderError) as caught:
        compiled.endpoints["p"].render({"x": "1"})
    assert str(caught.value).startswith(f"Template Syntax Error: {message}")


def test_two_nodes_of_one_name_are_refused() -> None:
    twice = pipe("p", n="SELECT 1")
    twice = dataclasses.replace(twice, nodes=(*twice.nodes, *twice.nodes))
    assert problems(twice)[0][2] == "the pipe `p` has two nodes named `n`"


def test_a_hint_names_what_was_meant() -> None:
    (warning,) = catalog(pipe("p", n="SELECT * FROM evnts")).warnings
    assert warning.hint == "did you mean `events`?"


def test_values_are_a_table_however_they_are_written() -> None:
    for written in ("SELECT * FROM values('a Int8', 1)", "SELECT * FROM (VALUES (1, 2))"):
        assert catalog(pipe("p", n=written)).warnings == ()


def test_a_harmless_setting_is_no_problem() -> None:
    compiled = catalog(pipe("p", n="SELECT * FROM events SETTINGS join_use_nulls = 1"))
    assert compiled.warnings == ()
    assert compiled.endpoints["p"].render({}).sql


def test_tags_without_a_percent_sign_are_a_template_with_a_warning() -> None:
    compiled = catalog(pipe("p", n="SELECT 1\nLIMIT {{Int8(limit, 5)}}"))
    assert compiled.endpoints["p"].render({}).sql == "SELECT 1\nLIMIT {p1:Int8}"
    (warning,) = compiled.warnings
    assert (warning.place.line, warning.place.column, warning.severity) == (4, 11, "warning")


def test_a_template_that_renders_to_nothing_is_refused() -> None:
    endpoint = catalog(pipe("p", n="% {% if defined(x) %}SELECT 1{% end %}")).endpoints["p"]
    with pytest.raises(Exception, match="Template renders to an empty query"):
        endpoint.render({})


def test_a_project_without_pipes_has_an_empty_catalog() -> None:
    assert not catalog().endpoints
    assert project().pipes == {}


def test_a_parameter_that_requests_use_themselves_is_a_warning() -> None:
    compiled = catalog(pipe("p", n="% SELECT {{String(tag, 'a')}}, {{String(token, 'b')}}"))
    assert [warning.hint for warning in compiled.warnings] == [
        "give it another name",
        "its value never reaches a template",
    ]
    query = compiled.endpoints["p"].render({"tag": "given", "token": "SECRET"})
    assert query.parameters == {"p1": "given", "p2": "b"}


def test_the_literal_form_of_optional_filters_works() -> None:
    written = """SELECT * FROM events
    WHERE (event_type = {{String(event_type, '')}} OR {{String(event_type, '')}} = '')
      AND timestamp >= {{DateTime(start_date, '2023-01-01 00:00:00')}}
      AND timestamp <= {{DateTime(end_date, '2023-12-31 23:59:59')}}
    LIMIT {{Int32(limit, 100)}}"""
    endpoint = catalog(pipe("p", n=written)).endpoints["p"]
    assert list(endpoint.render({}).parameters.values()) == ["", "2023-01-01 00:00:00", "2023-12-31 23:59:59", "100"]


def test_a_tag_that_writes_nothing_may_stand_before_the_select() -> None:
    sql = "%\n{% if not defined(x) %}{{ error('x is needed') }}{% end %}\nSELECT a FROM events LIMIT {{ Int32(x) }}"
    endpoint = catalog(pipe("p", n=sql)).endpoints["p"]
    assert endpoint.render({"x": "1"}).sql.strip() == "SELECT a FROM events LIMIT {p1:Int32}"
    with pytest.raises(ReportedError, match="x is needed"):
        endpoint.render({})


def test_how_long_an_answer_is_kept_says_the_template_then_the_pipe_then_whoever_runs_it() -> None:
    node = "%\nSELECT 1{% if defined(x) %}{{cache_ttl('5s')}}{% end %}"
    for own, without, with_template in ((None, 60, 5), (30, 30, 5), (0, 0, 5)):
        found = catalog(pipe("p", kind=Endpoint(cache_seconds=own), n=node)).endpoints["p"]
        assert found.has_own_cache_time
        assert found.seconds_kept(None, 60) == without
        assert found.seconds_kept(found.render({}), 60) == without
        assert found.seconds_kept(found.render({"x": "1"}), 60) == with_template


def test_a_cache_time_of_any_node_that_is_read_counts() -> None:
    found = catalog(pipe("p", a="%\nSELECT 1 AS x{{cache_ttl('1m')}}", b="SELECT x FROM a")).endpoints["p"]
    assert found.seconds_kept(found.render({}), 0) == 60
    assert not catalog(pipe("q", a="SELECT 1")).endpoints["q"].has_own_cache_time
