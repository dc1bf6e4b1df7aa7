"""Every bad row says of each of its columns what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.mapping.quarantine import Judged, reasons
from schemas.model import JsonPath

PATH = JsonPath("$.n", ("n",))
WRONG = Judged("n", "Int8", PATH, is_required=True, is_right="0")
OPTIONAL = Judged("n", "Nullable(Int8)", PATH, is_required=False, is_right="0")
RIGHT = Judged("m", "Int8", JsonPath("$.m", ("m",)), is_required=True, is_right="1")
WHERE = " While accessing jsonpath '$.n'"
ADVICE = "you should send a value or recreate the table with a Nullable column type."


@pytest.mark.parametrize(
    ("column", "message", "reason"),
    [
        (WRONG, "{}", f"Object does not have column 'n', {ADVICE}"),
        (WRONG, '{"n":null}', f"Column 'n' is null, {ADVICE}"),
        (WRONG, '{"n":"x"}', "Value \"x\" of column 'n' is not Int8."),
        (OPTIONAL, '{"n":[1]}', "Value [1] of column 'n' is not Nullable(Int8)."),
        (OPTIONAL, '{"n":null}', None),
        (OPTIONAL, "{}", None),
        (RIGHT, "{}", None),
    ],
)
def test_what_is_wrong_with_a_column(
    evaluate: Callable[..., Any], column: Judged, message: str, reason: str | None
) -> None:
    expected = [] if reason is None else [("n", f"Strict type checking failed. {reason}{WHERE}")]
    assert evaluate(reasons([column, RIGHT]), message) == expected


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("", "the message is empty (a tombstone or an empty value)"),
        ("{", "the message is not valid JSON, or nests deeper than 1,022 levels"),
        ("[1]", "the message is a JSON array, not an object"),
        ("5", "the message is a JSON int64, not an object"),
    ],
)
@pytest.mark.parametrize("columns", [[], [WRONG, RIGHT]])
def test_what_is_wrong_with_a_message_is_told_of_the_message_alone(
    evaluate: Callable[..., Any], columns: list[Judged], message: str, reason: str
) -> None:
    assert evaluate(reasons(columns), message) == [("__value", reason)]


def test_of_a_long_value_the_beginning_is_shown(evaluate: Callable[..., Any]) -> None:
    ((_, reason),) = evaluate(reasons([WRONG]), f'{{"n":"{"é" * 500}"}}')
    assert reason.count("é") == 99
