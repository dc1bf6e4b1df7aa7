"""What ClickHouse says of a view that an insert's rows could not go through: which one, why, and at what column."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_NAME = r"(?:`(?:[^`\\]|\\.)+`|[^\s`.,:()']+)"
# The last that is said before the code's name: the view that failed, then those through which rows came to it. What a
# value quotes stands before that.
_PUSHED_THROUGH = re.compile(rf"((?:: while pushing to view {_NAME}\.{_NAME})+)\. \([A-Z_]+\)")
_PUSHED_TO = re.compile(rf": while pushing to view {_NAME}\.({_NAME})")
_MISSING = re.compile(
    rf"Table {_NAME}\.({_NAME}) does(?: not|n't) exist|Unknown table expression identifier '{_NAME}\.({_NAME})'"
)
# ClickHouse calls the table that the insert was for the view.
_NO_TARGET = re.compile(rf"Target table '{_NAME}\.({_NAME})' of view '")
_BEGINNING = re.compile(r"^.*?DB::Exception: ", re.DOTALL)
_DOING = re.compile(r": [Ww]hile (?:executing|converting|processing) |[.:] In scope ")
_FUNCTION = re.compile(r"[Ww]hile executing 'FUNCTION (.*?) -> ", re.DOTALL)
_COLUMN = re.compile(rf"__table\d+\.({_NAME})|to destination column ({_NAME})")


@dataclass(frozen=True, slots=True)
class BrokenView:
    """A view that rows could not go through. `said` is ClickHouse's reason, with the value where it quotes one;
    `columns` are those that it was at, as far as it says."""

    name: str
    said: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"view `{self.name}` fails: {self.said}{_at(self.columns)}"


def broken_view_of(text: str) -> BrokenView | None:
    """The view that an insert's error names, one behind another the last; None where the error is none of a view."""
    pushed = next(reversed(list(_PUSHED_THROUGH.finditer(text))), None)
    if pushed is None:
        return None
    failed = _PUSHED_TO.match(pushed[1])
    assert failed is not None
    return BrokenView(unquoted(failed[1]), *_reason(text[: pushed.start()]))


def said_of(text: str) -> str:
    """What an error says of an expression, with the columns that it was at: for the SELECT of a view that is asked."""
    said, columns = _reason(re.split(r"\. \([A-Z_]+\) \(version|\. \([A-Z_]+\)$", text, maxsplit=1)[0])
    return f"{said}{_at(columns)}"


def _reason(text: str) -> tuple[str, tuple[str, ...]]:
    what = _BEGINNING.sub("", text)
    said = _DOING.split(what, maxsplit=1)[0]
    function = _FUNCTION.search(what)
    arguments = what if function is None else what[: function.end()]
    columns = (unquoted(found[1] or found[2]) for found in _COLUMN.finditer(arguments))
    return " ".join(said.split()), tuple(dict.fromkeys(columns))


def _at(columns: tuple[str, ...]) -> str:
    return f" (at {', '.join(f'`{column}`' for column in columns)})" if columns else ""


def missing_target_of(text: str) -> str:
    """The table that a view would write into and that is gone; empty where the error is none of that."""
    found = _NO_TARGET.search(text)
    return unquoted(found[1]) if found is not None else ""


def missing_of(text: str, tables: Collection[str]) -> str:
    """Which of these tables or views ClickHouse says is not there; empty for none of them."""
    found = _MISSING.search(text)
    name = unquoted(found[1] or found[2]) if found is not None else ""
    return name if name in tables else ""


def unquoted(name: str) -> str:
    """A name as ClickHouse writes it in its errors, without its quotes."""
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith("`") else name
