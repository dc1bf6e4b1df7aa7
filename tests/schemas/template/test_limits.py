"""No template, whatever its author writes, takes more than a moment or more memory than its limits."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateCompileError, TemplateError, TemplateLimitError
from schemas.template.limits import Budget, RenderLimits
from schemas.template.rendering import Render
from schemas.template.template import Template

HOSTILE = {
    "nested loops": "{% for i in range(100000) %}{% for j in range(100000) %}a{% end %}{% end %}",
    "endless loop": "{% while True %}{% end %}",
    "endless loop that catches": "{% while True %}{% try %}{{error('x')}}{% except %}{% end %}{% end %}",
    "huge range": "{% for i in range(10**12) %}{% end %}",
    "long text": "{{ 'a' * 10000000000 }}",
    "long list": "{% set x = [0] * 10000000000 %}",
    "doubled text": "{% set x = 'a' %}{% while True %}{% set x = x + x %}{% end %}",
    "doubled list": "{% set x = [1] %}{% for i in range(60) %}{% set x = [x, x] %}{% end %}{{x}}",
    "power": "{% set x = 9 ** 999999999 %}",
    "product": "{% set x = 3 %}{% while True %}{% set x = x * x %}{% end %}",
    "replace": "{% set x = 'a' * 100000 %}{{x.replace('a', x)}}",
    "join": "{% set x = 'a' * 200000 %}{{x.join([x, x, x])}}",
    "sort": "{% set x = list(range(90000)) %}{% while True %}{% set y = sorted(x) %}{% end %}",
    "split": "{% set x = 'a,' * 100000 %}{% while True %}{% set y = x.split(',') %}{% end %}",
    "compare": "{% set x = ['a'] * 100000 %}{% while True %}{% if x == x + [] %}{% end %}{% end %}",
    "digits": "{{ int('9' * 200000) }}",
    "digits of another base": "{{ int('z' * 200000, 36) }}",
    "a number's power": "{% set x = int('f' * 1000, 16) %}{{ x }}",
    "text of a list": "{% set x = list(range(60000)) %}{% set y = str([x, x, x, x, x]) %}",
    "smallest": "{% set x = list(range(90000)) %}{% while True %}{% set y = min(x) + max(x) %}{% end %}",
    "times": "{% for i in range(99999) %}{% if DateTime('2024-01-01 00:00:00') > 'a' %}{% end %}"
    "{% set x = 'a' * 200000 %}{% set y = split_to_array(x, '', 'a') %}{% end %}",
    "output": "{% for i in range(99999) %}" + "x" * 1000 + "{% end %}",
    "bound values": "{% set x = 'a' * 99999 %}{% for i in range(9999) %}{{x + f'{i}'}}{% end %}",
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_ends_with_an_error(source: str) -> None:
    with pytest.raises(TemplateLimitError):
        Template(source).render({}, Render())


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "source",
    [
        "{{" + "(" * 3000 + "1" + ")" * 3000 + "}}",
        "{{" + "+".join(["1"] * 8000) + "}}",
        "{% if " + "not " * 5000 + "x %}{% end %}",
        "{% if x %}" * 17 + "{% end %}" * 17,
        "{{" + "9" * 5000 + "}}",
        "{{1}}" * 30_000,
        "{{'}}" * 30_000,
    ],
)
def test_a_text_that_would_exhaust_a_parser_is_refused(source: str) -> None:
    with pytest.raises(TemplateCompileError):
        Template(source)


@pytest.mark.parametrize("value", ["[" * 100_000, "[" * 900 + "]" * 900, "9" * 100_000])
@pytest.mark.parametrize("source", ["{{JSON(x)}}", "{{Int256(x)}}", "{{Array(x, 'UInt8')}}"])
def test_a_hostile_value_is_refused(source: str, value: object) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(source).render({"x": value}, Render())
    assert caught.value.status == 400
    assert len(str(caught.value)) < 2_000


def test_a_nested_value_is_written_in_linear_time() -> None:
    value: object = 1
    for _ in range(60):
        value = [value, value] if value == 1 else [value]
    state = Render()
    assert Template("{{x}}").render({"x": value}, state).count("Array(") == 60


@pytest.mark.parametrize(
    "source",
    [
        "{% set x = [].append(1) %}",
        "{% set x = ''.__class__ %}",
        "{% set x = 'a'.format(1) %}",
        "{% set x = 'a'.ljust(1000000000) %}",
        "{{ x.__init__() }}",
        "{% set x = String.mro() %}",
        "{{ open('/etc/passwd') }}",
        "{% set x = getattr(y, 'z') %}",
        "{{ x|attr('y') }}",
        "{% set f = lambda: 1 %}",
        "{% set render.budget = 1 %}",
    ],
)
def test_what_could_reach_out_of_the_sandbox_is_never_run(source: str) -> None:
    with pytest.raises(TemplateError, match=r"cannot be read|Invalid|only names|takes|expected"):
        Template(source).render({"x": "a", "y": "b"}, Render())


def test_the_budget_looks_at_its_clock() -> None:
    used, passed = iter([7.0, 7.1, 7.2]), iter([0.0, 0.5, 1.0, 1.5])
    budget = Budget(RenderLimits(seconds=0.2), lambda: next(used), lambda: next(passed))
    budget.step(40)
    budget.step(40)
    with pytest.raises(TemplateLimitError, match="more than"):
        budget.step(40)


def test_the_clock_of_the_cpu_is_asked_only_when_enough_time_has_passed_for_the_limit() -> None:
    used, passed = iter([7.0]), iter([0.0, 0.005, 0.02, 0.03, 0.1, 0.2])
    budget = Budget(RenderLimits(seconds=0.2), lambda: next(used), lambda: next(passed))
    for _ in range(5):
        budget.step(40)
    assert next(used, None) is None
