"""Templates whose answers were recorded: what is written, refused or decided, without an engine.

Each line of `recorded_pairs.jsonl` is a template, its parameters, and `text` (the SQL itself), `error` (how the
error's text begins) or `sql` (an expression of the same value, which the integration tests evaluate). A `row` says
where it was recorded; those of the row `own` were not recorded but follow from the rules that were.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.template.errors import CustomReportedError, TemplateCompileError, TemplateError
from schemas.template.rendering import Render
from schemas.template.template import Template, template_source

PAIRS = [
    json.loads(line)
    for line in (Path(__file__).parent / "recorded_pairs.jsonl").read_text(encoding="utf-8").splitlines()
]


def identify(pair: dict[str, object]) -> str:
    return f"{pair['row']} {pair['template']} {pair['parameters']}"


@pytest.mark.parametrize("pair", PAIRS, ids=identify)
def test_a_recorded_pair_is_answered_as_recorded(pair: dict[str, Any]) -> None:
    render = Render(pair.get("secrets"))
    if "error" in pair:
        with pytest.raises(TemplateError) as caught:
            Template(pair["template"]).render(pair["parameters"], render)
        assert str(caught.value).startswith(pair["error"])
        assert caught.value.status == 400
        return
    sql = Template(pair["template"]).render(pair["parameters"], render)
    if "text" in pair:
        assert sql == pair["text"]
    else:
        assert sql.count("{p") >= 1, "the value is bound"


def render(
    source: str, parameters: dict[str, object], tables: dict[str, str] | None = None
) -> tuple[str, dict[str, str]]:
    state = Render(table_name=(tables or {}).get)
    return Template(source).render(parameters, state), state.bindings.parameters


@pytest.mark.parametrize("value", ["100%", "a%b", "\x1a", '50% o\'f "q"'])
def test_8_a_percent_sign_stays_what_the_caller_sent(value: str) -> None:
    assert render("{{String(x)}}", {"x": value}) == ("{p1:String}", {"p1": value})


def test_42_table_takes_only_names_of_the_project() -> None:
    assert render("SELECT 1 FROM {{table(x)}}", {"x": "my events"}, {"my events": "`my events`"})[0].endswith(
        "FROM `my events`"
    )
    with pytest.raises(TemplateError, match="table\\(\\) takes the name"):
        render("SELECT 1 FROM {{table(x)}}", {"x": "my table; drop --"}, {"events": "events"})


def test_60_a_custom_error_has_its_own_status_and_body() -> None:
    with pytest.raises(CustomReportedError) as caught:
        render("{{custom_error({'error_id':'x','error':'nope'})}}", {})
    assert (caught.value.status, caught.value.body) == (400, {"error_id": "x", "error": "nope"})
    with pytest.raises(CustomReportedError) as caught:
        render("{{custom_error('nope',404)}}", {})
    assert (caught.value.status, caught.value.body) == (404, "nope")


def test_61_max_threads_is_a_setting_of_the_query() -> None:
    state = Render()
    Template("{{max_threads(2)}}SELECT 1").render({}, state)
    assert state.settings == {"max_threads": "2"}


def test_64_no_template_reads_the_token() -> None:
    sql, parameters = render("{{String(token,'a')}}", {"token": "SECRET"})
    assert (sql, parameters) == ("{p1:String}", {"p1": "a"})


def test_65_and_66_like_patterns_are_bound_whole() -> None:
    assert render("LIKE concat('%', {{String(x)}}, '%')", {"x": "a%b"})[1] == {"p1": "a%b"}
    assert render("{{ '%' + x + '%' }}", {"x": "a"}) == ("{p1:String}", {"p1": "%a%"})


@pytest.mark.parametrize(
    ("source", "what", "column"),
    [
        ("SELECT 1 WHERE 'zz' = '{{x}}'", "a string literal", 24),
        ('SELECT "{{x}}"', "a quoted name", 9),
        ("SELECT `a{{x}}`", "a quoted name", 10),
        ("SELECT $$ {{x}} $$", "a string literal", 11),
        ("SELECT ‘{{x}}’", "a string literal", 9),
        ("SELECT 'it''s {% if x %}a{% end %}'", "a string literal", 15),
        (r"SELECT 'a\' {{x}}'", "a string literal", 13),
    ],
)
def test_67_a_tag_within_quotes_is_refused_with_its_place(source: str, what: str, column: int) -> None:
    with pytest.raises(TemplateCompileError, match=f"a tag cannot stand within {what}") as caught:
        Template(source)
    assert (caught.value.line, caught.value.column) == (1, column)


@pytest.mark.parametrize(
    "name", ["expression_wrapper", "_tt_utf8", "String", "self", "range", "loop", "render", "f_String"]
)
def test_69_a_parameter_named_like_anything_of_ours_changes_nothing(name: str) -> None:
    source = "{% for i in range(2) %}{{i}},{% end %}{{String(x,'d')}}"
    assert render(source, {name: "boom"}) == render(source, {})


def test_a_node_without_tags_is_no_template() -> None:
    assert template_source("SELECT 1 % 2 WHERE a LIKE '%x%'") is None
    assert template_source(" %\nSELECT 1") == ("\nSELECT 1", 2)
    assert template_source("SELECT {{x}}") == ("SELECT {{x}}", 0)
