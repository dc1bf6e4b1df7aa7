"""Which functions a template may call: each declared where it is written, with all that the compiler asks of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Its first argument is the render that calls it.
Function = Callable[..., object]
Expect = Callable[[object], object]


@dataclass(frozen=True, slots=True)
class TemplateFunction:
    """A function and how a template may call it.

    `reads_parameter`: its first argument is the name of a parameter. `is_typed`: a text in that place must be a value
    of the type that the function is called like. `is_for_control`: it may stand in conditions and `set` alone, as some
    of Python's own in Tinybird. `writes_sql`: a tag of it leaves something in the statement. `expect` looks at a first
    argument that is a constant, before anybody asks: it raises TemplateRenderError for one that no render takes.
    """

    name: str
    call: Function
    reads_parameter: bool = False
    is_typed: bool = False
    is_for_control: bool = False
    writes_sql: bool = True
    expect: Expect | None = None


FUNCTIONS: dict[str, TemplateFunction] = {}
"""Every function by the name that a template calls it by."""


def declare(
    name: str,
    call: Function,
    *,
    reads_parameter: bool = False,
    is_typed: bool = False,
    is_for_control: bool = False,
    writes_sql: bool = True,
    expect: Expect | None = None,
) -> None:
    """Make a function known to all templates."""
    FUNCTIONS[name] = TemplateFunction(name, call, reads_parameter, is_typed, is_for_control, writes_sql, expect)


def template_function(
    *also: str,
    reads_parameter: bool = False,
    is_for_control: bool = False,
    writes_sql: bool = True,
    expect: Expect | None = None,
) -> Callable[[Function], Function]:
    """Declare a function under its own name (without the `_` around one that Python has, too) and these others."""

    def declared(function: Function) -> Function:
        for name in (function.__name__.strip("_"), *also):
            declare(
                name,
                function,
                reads_parameter=reads_parameter,
                is_for_control=is_for_control,
                writes_sql=writes_sql,
                expect=expect,
            )
        return function

    return declared
