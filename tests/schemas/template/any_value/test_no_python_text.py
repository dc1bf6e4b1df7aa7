"""Whatever a template's function, method or operator is given: what is told is ours, and nothing of Python's."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable

import pytest

from schemas.template.errors import CustomReportedError, ReportedError, TemplateError
from schemas.template.functions.registry import FUNCTIONS
from schemas.template.operators import CONTROL_METHODS
from schemas.template.rendering import Render
from schemas.template.template import Template
from schemas.template.values.typed import Fragment, Identifier

# Many examples: a first answer does without them.
pytestmark = pytest.mark.slow

# What Python says of itself: in errors, and where a value was written as Python writes it.
PYTHON = re.compile(
    r"NoneType|object (has|is|does)|unsupported operand|not supported between|instances of|positional arg|keyword arg"
    r"|missing \d+ required|can only concatenate|subscriptable|iterable|unhashable|unpack|indices|substring|Traceback"
    r"|<class|<function|<built-in| at 0x|Fragment\(|Identifier\(|SqlText\(|range\(\d|slice\(|dict_|base 10"
    r"|convert string|invalid literal|recursion|codec|strptime|'str'|'int'|'list'|MomentText|DateText|TypedArray"
    r"|JsonLiteral|must be|expected at most|got an unexpected|multiple values|\(1, 2\)|\['a', 'b'\]|\bTrue\b",
)
# As they come from callers, and as authors compute them.
VALUES: list[object] = [
    None,
    "",
    "a'b",
    "7",
    "1_0",
    "2026-13-01",
    ["a", "b"],
    [],
    [None],
    [["a"], {"b": None}],
    True,
    1.5,
    -1,
    {},
    {"a": None},
    (1, 2),
    Fragment((Identifier("a"),)),
    Identifier("a"),
]
PAIRS = list(itertools.product(VALUES, VALUES))
OPERATORS = ["+", "-", "*", "/", "//", "**", "%", "<", ">=", "==", "in", "not in", "and", "or"]
KEYWORDS = ["default", "defined", "fn", "what", "separator", "quote", "date_format", "none_if_error", "nonsense"]


def expect_our_words(sources: Iterable[str], pairs: Iterable[tuple[object, object]] = PAIRS) -> None:
    """Render templates over `a` and `b` with each pair of values."""
    templates = [Template("SELECT " + source) for source in sources]
    for (a, b), template in itertools.product(pairs, templates):
        render = Render({"k": "hunter2"})
        about = (template.segments[1].text, a, b)
        error = _error_of(template, {"a": a, "b": b}, render)
        told = "" if error is None else json.dumps(error.body, ensure_ascii=False)
        assert not PYTHON.search(told), (*about, told)
        assert error is None or error.status in (400, 413), about
        is_authors = isinstance(error, (ReportedError, CustomReportedError)) or template.refusals
        assert error is None or is_authors or "`a`" in told or "parameters a" in told, (*about, told)
        for text in render.bindings.parameters.values():
            assert not re.search(r"Fragment|Identifier\(|<|NoneType| at 0x|MomentText", text), (*about, text)


def _error_of(template: Template, values: dict[str, object], render: Render) -> TemplateError | None:
    try:
        template.render(values, render)
    except TemplateError as error:
        return error
    return None


@pytest.mark.parametrize("function", sorted({*FUNCTIONS} - {"defined", "backend_hint"}))
def test_no_function_answers_in_pythons_words(function: str) -> None:
    calls = ["a", "a, b", "a, a, b", "a, b, a", "a, b, a, b, a, b, a, b, a, b", "a, 'x', b"]
    calls += [f"a, {keyword}=b" for keyword in KEYWORDS]
    calls += ["'2026-01-01', a", "a, '2026-01-01', b", "a, '2026-01-01', '%Y %Y', '%'", "a__in=a, b=b", "[a, b]"]
    expect_our_words(f"{{% set y = {function}({call}) %}}{{{{y if a else y}}}}" for call in calls)


@pytest.mark.parametrize("method", sorted(CONTROL_METHODS))
def test_no_method_answers_in_pythons_words(method: str) -> None:
    calls = ["", "b", "b, a", "a, b, 'x', 4", "nonsense=b"]
    expect_our_words(f"{{% set y = a.{method}({call}) %}}{{{{y if a else y}}}}" for call in calls)


@pytest.mark.parametrize("operator", OPERATORS)
def test_no_operator_answers_in_pythons_words(operator: str) -> None:
    expect_our_words([f"{{% set y = a {operator} b %}}{{{{y if a else y}}}}"])


@pytest.mark.parametrize(
    "source",
    [
        "{{-a}}",
        "{% set y = -a %}",
        "{{a}}",
        "{{a[b]}}",
        "{{a[b:a]}}",
        "{{a[1:b]}}",
        "{{ f'{a}-{b}' }}",
        "{{ {a: b} }}",
        "{{[a, b]}}",
        "{{ (a, b) }}",
        "{% for i in a %}{{i}}{% end %}",
        "{% for i, j in a %}{{i}}{% end %}",
        "{% set y, z = a %}{{y}}",
        "{% set y = a %}{% set y += b %}{{y}}",
        "{% set y = a %}{% while y > b %}{% break %}{% end %}",
        "{% try %}{{Int32(a)}}{% except %}{{a + b}}{% end %}",
        "1 FROM t SAMPLE {{a}}",
        "1 FROM t WHERE x > {{a}} AND y = {{DateTime(a)}}",
        "1 WHERE {{sql_and(x__in=a, y=b)}}",
    ],
)
def test_no_tag_answers_in_pythons_words(source: str) -> None:
    expect_our_words([source])


def test_a_secret_is_in_no_error() -> None:
    for source in ("{{Int32(x, tb_secret('k'))}}", "{% set y = tb_secret('k') %}{{Date(y)}}{{x}}"):
        with pytest.raises(TemplateError) as caught:
            Template(source).render({}, Render({"k": "hunter2-hunter2"}))
        assert "hunter2" not in str(caught.value)
        assert caught.value.status == 400
