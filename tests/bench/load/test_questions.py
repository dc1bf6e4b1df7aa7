"""The questions of the query bench come from stored rows, and are the same for the same rows."""

from __future__ import annotations

from bench.load.questions import POINT_NAME, VALUES, questions
from bench.measures.query import CONNECTIONS
from schemas.project import EXAMPLE_PROJECT

ROWS = [[f"2026-09-01 00:00:{number:02}", "click", f"user_{number % 3}"] for number in range(5)]


def test_each_question_has_values_of_the_rows() -> None:
    asked: list[str] = []

    def ask(sql: str) -> list[list[str]]:
        asked.append(sql)
        return ROWS

    found = {question.pipe: question.values for question in questions(ask)}
    assert set(found) == {POINT_NAME} | {path.stem for path in EXAMPLE_PROJECT.rglob("*.pipe")}
    assert found[POINT_NAME][1] == {"timestamp": ROWS[1][0], "event_type": "click", "user_id": "user_1"}
    assert found["user_activity"] == ({"user_id": "user_0"}, {"user_id": "user_1"}, {"user_id": "user_2"})
    # More different ones than callers, of whom no two are to ask the same; `event_stats` has no parameters.
    assert len({tuple(values.items()) for values in found["get_events"]}) > 2 * CONNECTIONS[-1]
    assert asked[0].endswith(f"LIMIT {VALUES}")
