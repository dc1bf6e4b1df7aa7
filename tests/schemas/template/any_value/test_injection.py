"""No value of a caller ever becomes SQL text, whatever it holds and wherever it is written."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.template.errors import TemplateError, TemplateRenderError
from schemas.template.functions.registry import FUNCTIONS
from schemas.template.rendering import Render
from schemas.template.template import Template
from schemas.template.values.binding import constant
from schemas.template.values.moments import ColumnKind

# Many examples: a first answer does without them.
pytestmark = pytest.mark.slow

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
    "SELECT {{symbol(x, 'a')}}",
    "SELECT {{String(y, x)}}",
    "SELECT {{String(y, default=[x])}}",
    "SELECT {{Array(y, 'String', x)}}",
    "SELECT {{Array(x, 'Foo')}}",
    "SELECT {{split_to_array(x, '', ';')}}",
    "SELECT {{Boolean(x)}}",
    "SELECT {{tb_secret('k', x)}}, {{tb_var('k', x)}}",
    "SELECT {{defined(x)}}, {{len(x)}}, {{list(x)}}",
    "SELECT {{x.replace('a', x)}}, {{x.join(['a', 'b'])}}, {{x.split('never given')}}",
    "SELECT {{x[:2]}}, {{ {'a': x}.get('a') }}, {{ x if x else 'b' }}",
    "{% for last, i in enumerate_with_last([x]) %}SELECT {{i}}{% end %}",
    "{% for i in JSON(y, '[]') %}{{i}}{% end %}SELECT {{x}}",
    "{% set y = [x, x.lower(), x.strip()] %}SELECT {{y}}, {{max(y)}}",
    "SELECT * FROM t WHERE a IN {{Array(x)}} AND has({{Array(x)}}, b) LIMIT {{x}} OFFSET {{x}}",
    "SELECT * FROM t LIMIT {{x}} BY a ORDER BY {{symbol(x)}} WITH FILL STEP {{x}}",
    "SELECT now() - INTERVAL {{x}} DAY, quantile({{x}})(a), f({{x}}, 1) FROM numbers({{x}})",
    "SELECT a FROM t WHERE a = {{x}} AND b BETWEEN {{x}} AND {{x}} AND c NOT IN ({{x}}, {{x}})",
    "SELECT a AS {{symbol(x)}}, `b`.{{symbol(x)}} FROM t GROUP BY {{symbol(x)}}",
    "{{cache_ttl('5m')}}{{activate('analyzer')}}{{disable('analyzer')}}SELECT {{x}}",
    "SELECT 1 WHERE {{sql_and(a__in=Array(x), b__not_in=Array(x), c__gt=x, d__gte=x, e__lt=x, f__lte=x)}}",
    "SELECT {{sql_and(a=x, b__in=Array(x))}}",
    "{% set y = x.upper() %}SELECT {{y}}",
    "{% if x != 'never' %}SELECT {{x}}{% end %}",
    "SELECT {{ {'key': x} }}, {{ [x] }}, {{ (x,) }}",
    "SELECT 1 /* {{x}} */ -- {{x}}\n",
    "{% try %}SELECT {{x}}{% except %}no{% end %}",
    "{{max_threads(2)}}{{backend_hint(x)}}SELECT 1",
]
DOTTED = ["SELECT {{column(x)}}", "SELECT {{columns(x)}}", "SELECT {{columns(x, 'a', fn='max')}}"]
TYPED = [name for name, function in FUNCTIONS.items() if function.is_typed]
DATE_FUNCTIONS = [name for name in FUNCTIONS if name.startswith(("date_diff_", "day_diff"))]
VALIDATED = [f"SELECT {{{{{name}(x)}}}}" for name in TYPED]
VALIDATED += [f"SELECT {{{{Array(x, '{name}')}}}}" for name in TYPED]
VALIDATED += [f"SELECT {{{{{name}(x, '2024-01-01')}}}}" for name in DATE_FUNCTIONS]
VALIDATED += [
    "SELECT {{int(x)}}",
    "SELECT {{float(x)}}",
    "SELECT {{Int32(x) * 2 - 1}}",
    "SELECT * FROM t SAMPLE {{Float64(x)}}",
    "SELECT {{JSON(x)}}",
    "SELECT {{table(x)}}",
]
COMPARED = [
    "SELECT 1 WHERE a >= {{DateTime(x)}}",
    "SELECT 1 WHERE a BETWEEN {{DateTime64(x)}} AND {{DateTime(x)}} OR a IN ({{DateTime(x)}})",
    "SELECT 1 WHERE {{DateTime(x)}} <= a",
    "SELECT 1 WHERE a IN {{Array(x, 'DateTime')}}",
]
# Times in all their forms, wrong ones among them, and with anything after them.
TIMES = (
    st.tuples(
        st.from_regex(r"\A\d{4}-\d{1,2}-\d{1,2}[T ]\d{1,2}:\d{1,2}:\d{1,2}([.,]\d{1,12})?\Z"),
        st.sampled_from(["", "Z", " UTC", "+02:00", "-1130", "+99:99", "'", "' OR 1 --", "}", "\\", "\0"]) | ANY_TEXT,
    ).map("".join)
    | ANY_TEXT
)


def render(template: Template, values: dict[str, object]) -> tuple[str, dict[str, str]]:
    state = Render()
    return template.render(values, state), state.bindings.parameters


@pytest.mark.parametrize("source", POSITIONS)
@given(value=ANY_TEXT)
def test_the_sql_is_the_same_for_every_text(source: str, value: str) -> None:
    template = Template(source)
    expected, _ = render(template, {"x": "plain"})
    sql, _ = render(template, {"x": value})
    # Equal values share a name: which of them do is all that a value may change.
    assert re.sub(r"\{p\d+:", "{p:", sql) == re.sub(r"\{p\d+:", "{p:", expected)


@pytest.mark.parametrize("source", DOTTED)
@given(value=ANY_TEXT)
def test_the_sql_of_columns_depends_on_their_dots_and_commas_alone(source: str, value: str) -> None:
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
def test_a_validated_value_is_refused_or_bound(source: str, value: str) -> None:
    template = Template(source)
    with suppress(TemplateError):
        sql, parameters = render(template, {"x": value})
        assert re.fullmatch(r"SELECT \{p1:[A-Z][A-Za-z0-9(),]*\}|SELECT \* FROM t SAMPLE [0-9.]+", sql)
        assert ("SAMPLE" in source) is not bool(parameters)


@given(name=ANY_TEXT, value=ANY_TEXT)
def test_no_parameter_name_changes_anything_but_what_the_template_names(name: str, value: str) -> None:
    template = Template("{% for i in range(2) %}{{i}},{% end %}{{String(only, 'd')}}")
    expected = render(template, {})
    if name != "only":
        assert render(template, {name: value}) == expected


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.lists(st.integers())))
@example(-0.0)
def test_the_only_literal_ever_written_is_a_plain_number(value: str | float | list[int] | None) -> None:
    try:
        written = constant(value)
    except TemplateRenderError:
        assert isinstance(value, (str, bool, list, type(None))) or not 0 <= value < 1e15
    else:
        assert set(written) <= set("0123456789.")
        assert float(written) == pytest.approx(value, abs=1e-15)


# They end the render with their text, or set something of the query that the template's own text names.
SILENT = {"error", "custom_error"}
BUILTINS = {"str", "bool", "abs", "sum", "sorted", "range", "enumerate", "zip", "min"}


def test_no_function_is_forgotten() -> None:
    tried = " ".join([*POSITIONS, *DOTTED, *VALIDATED, *COMPARED])
    assert {name for name in FUNCTIONS if not re.search(rf"\b{name}\(", tried)} == SILENT | BUILTINS | {"TABLE"}


@pytest.mark.parametrize("source", [f"{{{{{name}(x)}}}}" for name in sorted(SILENT)])
@given(value=ANY_TEXT)
def test_an_error_is_the_callers_text_and_no_sql(source: str, value: str) -> None:
    state = Render()
    with pytest.raises(TemplateError, check=lambda error: str(error) == value):
        Template(source).render({"x": value}, state)
    assert state.bindings.parameters == {}


@pytest.mark.parametrize("source", COMPARED)
@pytest.mark.parametrize("kind", ["date", "second", "fraction", "zoned", "text", None])
@given(value=TIMES)
def test_a_compared_time_is_bound_as_one_of_a_few_types(source: str, kind: ColumnKind, value: str) -> None:
    state = Render(column_kinds={"a": kind} if kind else {})
    template = Template(source)
    with suppress(TemplateError):
        sql = re.sub(r"(DateTime64\()\d", r"\g<1>3", template.render({"x": value}, state))
        shape = re.sub(r"\{p\d+:(Array\()?(String|DateTime(64\(3(,'UTC')?\)|\('UTC'\))?)\)?\}", "?", sql)
        assert shape == re.sub(r"\{\{.*?\}\}", "?", source)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(TemplateRenderError, match="surrogate"):
        render(Template("SELECT {{x}}"), {"x": "\ud83d"})


def test_a_value_over_clickhouses_limit_is_413() -> None:
    template = Template("SELECT {{x}}")
    assert render(template, {"x": "a" * 131_072})
    for value in ("a" * 131_073, "\\" * 70_000, "漢" * 50_000):
        with pytest.raises(TemplateRenderError, match="131072") as caught:
            render(template, {"x": value})
        assert caught.value.status == 413
