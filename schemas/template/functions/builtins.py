"""Python's own functions, as far as Tinybird's templates have them, each bounded."""

# ruff: noqa: ARG001 - the documented keywords are accepted, and every function is given the render

from __future__ import annotations

import re
from collections.abc import Callable

from schemas.template.errors import (
    TemplateLimitError,
    TemplateRenderError,
)
from schemas.template.functions.registry import Function, declare, template_function
from schemas.template.operators import elements
from schemas.template.rendering import Render
from schemas.template.values import parsing
from schemas.template.values.json_values import plain_text
from schemas.template.values.kinds import kind_of

_DIGITS = re.compile(r"[+-]?[0-9A-Za-z]+")


@template_function()
def _list(render: Render, x: object = ()) -> object:
    return render.budget.checked(list(elements(x)))


@template_function()
def _int(render: Render, x: object = 0, base: object = None) -> object:
    # Python says of any other kind that it is no number, and that is told in words of ours: no check of types here.
    if isinstance(x, str) and len(x) > 4_000:
        raise TemplateLimitError("the template reads a number of more than 4000 digits")
    if base is None:
        return render.budget.checked(parsing.parse_plain_integer(x, "Int") if isinstance(x, str) else int(x))  # type: ignore[call-overload]
    if not isinstance(x, str) or not _DIGITS.fullmatch(x):
        raise TemplateRenderError(f"int() with a base takes digits, not {kind_of(x)}")
    return render.budget.checked(int(x, base))  # type: ignore[call-overload]


@template_function()
def _float(render: Render, x: object = 0.0) -> object:
    # As for `_int`.
    return float(parsing.parse_float(x, "Float64")) if isinstance(x, str) else float(x)  # type: ignore[arg-type]


def _builtin(name: str, function: Callable[..., object]) -> Function:
    """Python's own function, once what it goes through is known to end."""

    def guarded(render: Render, *given: object, **keywords: object) -> object:
        return render.budget.checked(function(*given, **keywords))

    guarded.__name__ = guarded.__qualname__ = name
    return guarded


def _sum(values: object) -> object:
    return sum(elements(values))  # type: ignore[arg-type]  # what cannot be summed raises, and that is told


def _sorted(values: object) -> object:
    return sorted(elements(values))  # type: ignore[type-var]  # what cannot be sorted raises, and that is told


def _enumerate(values: object) -> object:
    return [(index, item) for index, item in enumerate(elements(values))]


def _zip(*lists: object) -> object:
    return [*zip(*(elements(each) for each in lists), strict=False)]


@template_function(is_for_control=True)
def _range(render: Render, *bounds: int) -> range:
    made = range(*bounds)
    if len(made) > render.budget.limits.steps:
        raise TemplateLimitError(f"range() of more than {render.budget.limits.steps} numbers")
    return made


# In `{{ }}` Tinybird has no more of Python's than these and `list`, `int` and `float`.
_ANYWHERE: dict[str, Callable[..., object]] = {"len": len, "min": min, "max": max}
_FOR_CONTROL: dict[str, Callable[..., object]] = {
    "bool": bool,
    "abs": abs,
    "str": lambda x="": "None" if x is None else plain_text(x),
    "sum": _sum,
    "sorted": _sorted,
    "enumerate": _enumerate,
    "zip": _zip,
}
for _name, _function in (_ANYWHERE | _FOR_CONTROL).items():
    declare(_name, _builtin(_name, _function), is_for_control=_name in _FOR_CONTROL)
