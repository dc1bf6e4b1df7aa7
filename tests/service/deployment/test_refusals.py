"""What ClickHouse refuses, told by the line that it is about."""

from __future__ import annotations

from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from schemas.model import Column, DataSource, Index, Place, Project
from schemas.tables.change import Change, Effect
from service.clickhouse.codes import PASSING, Code
from service.deployment.plan import Plan
from service.deployment.refusals import is_refusal, line_of, named_in, reason_of_refusal, refused

FILE = "a.datasource"
EVENTS = DataSource(
    "events",
    (Column("id", None, place=Place(FILE, 2)), Column("size", None, place=Place(FILE, 3))),
    indexes=(Index("by_id", "id", "minmax", place=Place(FILE, 7)),),
    source="SCHEMA >\n    id String,\n    size Int8\n\n  ENGINE_TTL now()\n",
    place=Place(FILE),
)
PLAN = Plan(Project(Path(), {"events": EVENTS}, {}), "db", creates_database=False, changes=())
CHANGE = Change(Effect.ADDS, "events", "add the column `size`", ("ALTER",), data_source="events")


def error_of(code: int | None, text: str = "no") -> DatabaseError:
    error = DatabaseError(f"HTTPDriver: error 400\n Code: {code}. DB::Exception: {text} (SOME_NAME) (version 26.9.1)")
    error.code = code
    return error


@pytest.mark.parametrize(
    ("error", "refuses"),
    [
        (error_of(62), True),
        (error_of(Code.ACCESS_DENIED), True),
        (error_of(Code.MEMORY_LIMIT_EXCEEDED), False),
        (error_of(min(PASSING)), False),
        (error_of(None), False),
        (OperationalError("no answer"), False),
    ],
)
def test_only_what_would_be_refused_again_is_a_refusal(error: ClickHouseError, refuses: bool) -> None:
    assert is_refusal(error) is refuses


@pytest.mark.parametrize(
    ("text", "reason"), [("Missing  columns:\n 'x'", "Missing columns: 'x' (SOME_NAME)"), ("x" * 700, "x" * 600 + "…")]
)
def test_a_reason_is_clickhouses_own_words(text: str, reason: str) -> None:
    assert reason_of_refusal(error_of(62, text)) == reason


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("Missing columns: 'size'", 3),
        ("index by_id cannot be made", 7),
        ("columns 'id' and 'size' differ", 1),
        ("resize is no function", 1),
    ],
)
def test_the_line_of_the_one_name_in_a_reason(reason: str, line: int) -> None:
    assert named_in(EVENTS, reason).line == line


@pytest.mark.parametrize(("instruction", "place"), [("ENGINE_TTL", (5, 3)), ("ENGINE_SETTINGS", (1, 1))])
def test_the_line_of_an_instruction(instruction: str, place: tuple[int, int]) -> None:
    found = line_of(EVENTS, instruction)
    assert (found.line, found.column) == place


@pytest.mark.parametrize(
    ("done", "left"),
    [
        (0, "nothing was changed"),
        (1, "made before that, and left: `t0` (add it); the next deploy goes on from there"),
        (7, "`t6` (add it) and 2 more; the next deploy goes on from there"),
    ],
)
def test_an_error_says_where_why_and_what_was_made_before(done: int, left: str) -> None:
    made = [Change(Effect.ADDS, f"t{number}", "add it", ("ALTER",)) for number in range(done)]
    error = refused(PLAN, CHANGE, error_of(62, "no `size` like that"), made)
    first, second = error.message.splitlines()
    assert first == (
        f"{FILE}:3:1: ClickHouse refuses to add the column `size` of `events`: no `size` like that (SOME_NAME)"
    )
    assert second.endswith(left)
    assert error.hint == "change that line and deploy again"


def test_who_lacks_a_right_is_told_where_rights_are_listed() -> None:
    assert refused(PLAN, CHANGE, error_of(Code.ACCESS_DENIED), ()).hint.startswith("docs/containers.md")
