"""Jinja2's sandbox, set up to run Tinybird's language: its operators guarded, its names closed."""

# ruff: noqa: ARG001 - every function of a template is given the render

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.lexer import Lexer
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing

from schemas.template import operators
from schemas.template.compiling.grammar import TagLexer
from schemas.template.errors import TemplateLimitError, TemplateRenderError
from schemas.template.functions.conditions import compared
from schemas.template.functions.registry import FUNCTIONS
from schemas.template.rendering import Locals, Render
from schemas.template.values.binding import constant
from schemas.template.values.json_values import plain_text
from schemas.template.values.kinds import PYTHON_ERRORS, in_our_words, kind_of, kinds_of
from schemas.template.values.parsing import shown
from schemas.template.values.typed import Fragment, Identifier, SqlText


class NullExpressionError(Exception):
    """A `{{ }}` came to None; the template says which."""


class Names(dict[str, Any]):
    """The names that a template can use, each with what it stands for; Jinja2's `missing` for every other."""

    def __missing__(self, name: str) -> Any:
        return missing


class TemplateContext(Context):
    """Jinja2's context with names that are looked up without a call: they never change during a render."""

    def __init__(self, names: Names) -> None:
        super().__init__(ENVIRONMENT, names, None, {})
        self.resolve_or_missing = names.__getitem__  # type: ignore[assignment, method-assign]  # Jinja2 has a method there


@pass_context
def _finalize(context: Context, value: object) -> str:
    if value is None:
        raise NullExpressionError
    render: Render = context.parent["render"]
    return render.bindings.sql(value)


class TemplateEnvironment(SandboxedEnvironment):
    """The one environment of all templates."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})

    def __init__(self) -> None:
        # Not optimized: constants are folded under the same guards as everything else, at run time.
        super().__init__(
            finalize=_finalize, optimized=False, keep_trailing_newline=True, extensions=["jinja2.ext.loopcontrols"]
        )
        self.globals = {}
        self.filters = {}
        self.tests = {"None": _is_none, "none": _is_none, "True": _is_true, "False": _is_false}
        self._lexer = TagLexer(self)

    @property
    def lexer(self) -> Lexer:
        """Jinja2 asks this property for the lexer of every template."""
        return self._lexer

    # The names are Jinja2's, chosen so that no keyword argument of a template meets them.
    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call a template function: the compiler lets no other name stand in a call."""
        render: Render = __context.parent["render"]
        render.budget.step()
        if kwargs:
            # Jinja2 hands these two to what it calls within a loop or block; they are no arguments of the author's.
            kwargs.pop("_loop_vars", None)
            kwargs.pop("_block_vars", None)
        try:
            return __obj(render, *args, **kwargs)
        except PYTHON_ERRORS as error:
            if __obj is _attempt:
                raise  # of what stands between the tags
            kwargs.pop("parameter_name", None)
            given = kinds_of((*args, *kwargs.values())) if args or kwargs else "nothing between its brackets"
            reason = f": {in_our_words(error)}" if isinstance(error, (ArithmeticError, RecursionError)) else ""
            name = getattr(__obj, "__name__", "a function").strip("_")
            raise TemplateRenderError(f"{name}() cannot be called with {given}{reason}") from None

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        return operators.binary(context.parent["render"].budget, operator, left, right)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Python's subscript; Jinja2's would look for an attribute, or give an undefined value, instead of failing."""
        if not isinstance(obj, (Locals, str, list, tuple, dict, range)):
            raise TemplateRenderError(f"{kind_of(obj)} has no elements")
        try:
            return obj[argument]
        except (LookupError, TypeError, ValueError):
            which = f"'{shown(argument)}'" if isinstance(argument, (str, int)) else f"for {kind_of(argument)}"
            raise TemplateRenderError(f"there is no element {which} in {kind_of(obj)}") from None


def _is_none(value: object) -> bool:
    return value is None


def _is_true(value: object) -> bool:
    return value is True


def _is_false(value: object) -> bool:
    return value is False


def _checked(render: Render, value: object) -> object:
    return render.budget.checked(value)


def _discarded(render: Render, value: object) -> Fragment:
    """A tag within an SQL comment: evaluated, and written as nothing."""
    return Fragment(())


def _constant(render: Render, value: object) -> Fragment:
    return Fragment((SqlText(constant(value)),))


def _formatted(render: Render, *parts: object) -> object:
    for part in parts:
        if isinstance(part, (Fragment, Identifier)):
            raise TemplateRenderError("a column or symbol cannot be part of a text")
        if part is None:
            raise TemplateRenderError("nothing cannot be part of a text")
    return render.budget.checked("".join(plain_text(part) for part in parts))


def _refused(render: Render, message: str) -> object:
    """Stands for what a tag held and no template may: it ends the render that comes to it."""
    raise TemplateRenderError(message)


def _attempt(render: Render, caller: Any) -> str:
    """`{% try %}`: the body, or the `except` branch when it fails; a spent budget is never caught."""
    try:
        return str(caller(True))
    except TemplateLimitError:
        raise
    except Exception:  # the author asked to catch whatever their expressions raise
        return str(caller(False))


_INTERNAL = {
    "checked": _checked,
    "discarded": _discarded,
    "constant": _constant,
    "compared": compared,
    "formatted": _formatted,
    "attempt": _attempt,
    "refused": _refused,
    "method": operators.method,
    "iterate": operators.iterate,
    "forever": operators.forever,
}
FUNCTION_NAMES: Mapping[str, Any] = {
    **{f"f_{name}": function.call for name, function in FUNCTIONS.items()},
    **{f"f_{name}": function for name, function in _INTERNAL.items()},
}
ENVIRONMENT = TemplateEnvironment()
