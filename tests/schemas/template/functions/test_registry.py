"""Functions, declared where they are written."""

from __future__ import annotations

from pathlib import Path

from schemas.template.functions.registry import FUNCTIONS

DOCUMENTED = (Path(__file__).parents[4] / "docs/template-language.md").read_text(encoding="utf-8")
# Python's own, which the documentation of conditions takes together.
BUILTINS = {
    "bool",
    "abs",
    "str",
    "sum",
    "sorted",
    "enumerate",
    "zip",
    "len",
    "min",
    "max",
    "list",
    "int",
    "float",
    "range",
}


def test_a_function_is_declared_under_its_name_and_others() -> None:
    assert FUNCTIONS["table"].call is FUNCTIONS["TABLE"].call
    # Its Python name has a line before it, since Python has a function of the name.
    assert FUNCTIONS["list"].call.__name__ == "_list"


def test_what_the_compiler_asks_stands_with_the_function() -> None:
    assert {name for name, each in FUNCTIONS.items() if each.reads_parameter and not each.is_typed} == {
        "Boolean",
        "Array",
        "JSON",
        "column",
        "columns",
    }
    assert {name for name, each in FUNCTIONS.items() if not each.writes_sql} == {
        "error",
        "custom_error",
        "max_threads",
        "cache_ttl",
        "activate",
        "disable",
        "backend_hint",
    }
    assert not any(each.is_for_control for each in FUNCTIONS.values() if each.is_typed)


def test_every_function_is_documented() -> None:
    undocumented = {name for name in FUNCTIONS if f"`{name}`" not in DOCUMENTED} - BUILTINS
    # Rows of the documentation stand for whole families.
    families = {name for name in undocumented if name.startswith(("Int", "UInt", "Float", "date_diff_in_"))}
    assert undocumented - families == {"TABLE"}
