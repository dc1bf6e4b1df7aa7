"""No value of a caller ever becomes SQL text, whatever it holds and wherever it is written."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from query_api.template.binding import constant
from query_api.template.errors import TemplateError, TemplateRenderError
from query_api.template.rendering import Render
from query_api.template.template import Template

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
POSITIONS = [
    "SELECT {{String(x)}}",
    "SELECT {{x}}",
    "SELECT * FROM t WHERE a = {{String(x, 'd', description='a', required=True)}}",
    "SELECT {{ 'a' + x + 'b' }}",
    "SELECT {{ f'a{x}b' }}",
    "SELECT {{Array(x)}}",
    "SELECT {{split_to_array(x)}}",
    "SELECT {{symbol(x)}}",
    "SELECT {{symbol('max_' + x)}}",
    "SELECT {{sql_unescape(x, '%')}}",
    "SELECT {{sql_and(a=x, b__in=Array(x))}}",
    "{% set y = x.upper() %}SELECT {{y}}",
    "{% if x != 'never' %}SELECT {{x}}{% end %}",
    "SELECT {{ {'key': x} }}, {{ [x] }}, {{ (x,) }}",
    "SELECT 1 /* {{x}} */ -- {{x}}\n",
    "{% try %}SELECT {{x}}{% except %}no{% end %}",
    "{{max_threads(2)}}{{backend_hint(x)}}SELECT 1",
]
DOTTED = ["SELECT {{column(x)}}", "SELECT {{columns(x)}}", "SELECT {{columns(x, 'a', fn='max')}}"]
VALIDATED = [
    f"SELECT {{{{{name}(x)}}}}" for name in ("Int32", "UInt256", "Int", "Float64", "Date", "DateTime", "DateTime64")
]
VALIDATED += [
    "SELECT {{Array(x, 'Int32')}}",
    "SELECT * FROM t SAMPLE {{Float64(x)}}",
    "SELECT {{JSON(x)}}",
    "SELECT {{table(x)}}",
]


def render(template: Template, values: dict[str, object]) -> tuple[str, dict[str, str]]:
    state = Render()
    return template.render(values, state), state.bindings.parameters


@pytest.mark.parametrize("source", POSITIONS)
@given(value=ANY_TEXT)
def test_the_sql_is_the_same_for_every_text(source, value):
    template = Template(source)
    expected, _ = render(template, {"x": "plain"})
    assert render(template, {"x": value})[0] == expected


@pytest.mark.parametrize("source", DOTTED)
@given(value=ANY_TEXT)
def test_the_sql_of_columns_depends_on_their_dots_and_commas_alone(source, value):
    template = Template(source)
    shape = "".join(character if character in ".," else "a" for character in value)
    names = iter(range(1_000))
    distinct = "".join(character if character in ".," else f"a{next(names)}" for character in shape)
    sql, _ = render(template, {"x": value})
    assert sql.count("Identifier") == render(template, {"x": distinct})[0].count("Identifier")
    left = sql.replace("Identifier", "").replace("SELECT", "").replace("max", "").replace(" as ", "")
    assert set(left) <= set("{}p0123456789:.,() ")


@pytest.mark.parametrize("source", VALIDATED)
@given(value=ANY_TEXT)
def test_a_validated_value_is_refused_or_bound(source, value):
    template = Template(source)
    with suppress(TemplateError):
        sql, parameters = render(template, {"x": value})
        assert re.fullmatch(r"SELECT \{p1:[A-Z][A-Za-z0-9(),]*\}|SELECT \* FROM t SAMPLE [0-9.]+", sql)
        assert ("SAMPLE" in source) is not bool(parameters)


@given(name=ANY_TEXT, value=ANY_TEXT)
def test_no_parameter_name_changes_anything_but_what_the_template_names(name, value):
    template = Template("{% for i in range(2) %}{{i}},{% end %}{{String(only, 'd')}}")
    expected = render(template, {})
    if name != "only":
        assert render(template, {name: value}) == expected


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.lists(st.integers())))
@example(-0.0)
def test_the_only_literal_ever_written_is_a_plain_number(value):
    try:
        written = constant(value)
    except TemplateRenderError:
        assert isinstance(value, (str, bool, list, type(None))) or not 0 <= value < 1e15
    else:
        assert set(written) <= set("0123456789.")
        assert float(written) == pytest.approx(value, abs=1e-15)


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(TemplateRenderError, match="surrogate"):
        render(Template("SELECT {{x}}"), {"x": "\ud83d"})


def test_a_value_over_clickhouses_limit_is_413():
    template = Template("SELECT {{x}}")
    assert render(template, {"x": "a" * 131_072})
    for value in ("a" * 131_073, "\\" * 70_000, "漢" * 50_000):
        with pytest.raises(TemplateRenderError, match="131072") as caught:
            render(template, {"x": value})
        assert caught.value.status == 413
