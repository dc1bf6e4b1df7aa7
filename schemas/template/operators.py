"""Operators and methods of values within a template, guarded so that none makes more than a render may hold."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator

from schemas.template.errors import TemplateRenderError
from schemas.template.limits import Budget
from schemas.template.rendering import Render
from schemas.template.values.kinds import kind_of, kinds_of

_STRING_METHODS = frozenset({
    "capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha", "isdecimal", "isdigit",
    "islower", "isnumeric", "isspace", "isupper", "join", "lower", "lstrip", "partition", "removeprefix",
    "removesuffix", "replace", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split", "splitlines",
    "startswith", "strip", "swapcase", "title", "upper",
})  # fmt: skip
_METHODS: tuple[tuple[type, frozenset[str]], ...] = (
    (str, _STRING_METHODS),
    (dict, frozenset({"get", "items", "keys", "values", "copy"})),
    (list, frozenset({"count", "index", "copy"})),
    (tuple, frozenset({"count", "index"})),
)
# What Tinybird lets a `{{ }}` call.
OUTPUT_METHODS = frozenset({"split", "get", "join", "replace"})
CONTROL_METHODS = frozenset().union(*(names for _, names in _METHODS))

_PLAIN: dict[str, Callable[[object, object], object]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "**": operator.pow,
    "%": operator.mod,
}


def binary(budget: Budget, symbol: str, left: object, right: object) -> object:
    """Python's operator, once its result is known to be small enough."""
    budget.step()
    if symbol == "*":
        _expect_product(budget, left, right)
    elif symbol == "**":
        _expect_power(budget, left, right)
    elif symbol == "%" and isinstance(left, str):
        raise TemplateRenderError("`%` does not format text here: join texts with `+`")
    try:
        made = _PLAIN[symbol](left, right)
    except TypeError:
        raise TemplateRenderError(f"`{symbol}` cannot be applied to {kinds_of((left, right))}") from None
    return budget.checked(made)


def _expect_product(budget: Budget, left: object, right: object) -> None:
    for value, count in ((left, right), (right, left)):
        if isinstance(value, (str, list, tuple)) and isinstance(count, int):
            budget.expect_weight(len(value) * max(count, 0))


def _expect_power(budget: Budget, left: object, right: object) -> None:
    if isinstance(left, int) and isinstance(right, int):
        budget.checked(1 << min(left.bit_length() * max(right, 0), budget.limits.integer_bits + 1))


def method(render: Render, value: object, name: str, *arguments: object, **keywords: object) -> object:
    """Call one of the methods that change nothing and whose result is bounded by their arguments."""
    budget = render.budget
    for kind, names in _METHODS:
        if isinstance(value, kind) and name in names:
            break
    else:
        raise TemplateRenderError(f"{kind_of(value)} has no method `{name}`")
    if isinstance(value, str):
        _expect_text(budget, value, name, arguments)
    try:
        made = getattr(value, name)(*arguments, **keywords)
    except (TypeError, ValueError, LookupError):
        given = kinds_of((*arguments, *keywords.values())) if arguments or keywords else "nothing between its brackets"
        raise TemplateRenderError(f"`.{name}()` of {kind_of(value)} cannot be called with {given}") from None
    return budget.checked(list(made) if name in ("items", "keys", "values") else made)


def _expect_text(budget: Budget, value: str, name: str, arguments: tuple[object, ...]) -> None:
    budget.step(1 + len(value) // 1_000)
    if name == "replace" and len(arguments) >= 2 and isinstance(arguments[0], str):
        budget.expect_weight(len(value) + value.count(arguments[0]) * len(str(arguments[1])))
    elif name == "join" and arguments and isinstance(arguments[0], (list, tuple, dict, str)):
        budget.expect_weight(len(value) * len(arguments[0]))


def elements(value: object) -> Iterable[object]:
    """A value that can be gone through. Raises TemplateRenderError."""
    if isinstance(value, (list, tuple, range, str, dict, Iterator)):
        return value
    raise TemplateRenderError(f"{kind_of(value)} cannot be gone through: a list, a dictionary or text can")


def iterate(render: Render, iterable: object) -> Iterator[object]:
    """The turns of a `for`, each paid for."""
    for item in elements(iterable):
        render.budget.step()
        yield item


def forever(render: Render) -> Iterator[None]:
    """The turns of a `while`, each paid for; the compiler puts the condition at the head of the body."""
    while True:
        render.budget.step()
        yield None
