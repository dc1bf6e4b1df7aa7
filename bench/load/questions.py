"""What the query bench asks: the example's three endpoints and one row by its key, with values of the stored rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.load.data import EVENT_TYPES

POINT = """DESCRIPTION >
    One event by the table's sorting key: what answering costs when ClickHouse has next to nothing to do.

TOKEN dashboard READ

NODE point
SQL >
    %
    SELECT event_id, session_id
    FROM events
    WHERE timestamp = {{ DateTime(timestamp) }}
        AND event_type = {{ String(event_type) }}
        AND user_id = {{ String(user_id) }}
    LIMIT 1

TYPE endpoint
"""
POINT_NAME = "bench_point"
# The same, with answers that are kept for longer than a round takes.
CACHED = POINT.replace("TYPE endpoint\n", "TYPE endpoint\nCACHE 60\n")
CACHED_NAME = "bench_cached"
PLATFORMS = ("web", "android", "ios")
# About the default of `get_events`: so that 64 callers need not ask the same.
LIMITS = range(98, 104)
# So many different values of each question: more than would fit a cache by accident, few enough to prepare.
VALUES = 200

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """One endpoint and the values that it is asked for, in turn."""

    pipe: str
    values: tuple[Values, ...]


def questions(ask: Callable[[str], list[list[Any]]]) -> tuple[Question, ...]:
    """`ask` answers SQL on the stored rows. The same rows give the same questions."""
    keys = ask(f"SELECT toString(timestamp), event_type, user_id FROM events ORDER BY event_id LIMIT {VALUES}")
    users = dict.fromkeys(str(user) for _, _, user in keys)
    return (
        Question(
            POINT_NAME,
            tuple({"timestamp": moment, "event_type": kind, "user_id": user} for moment, kind, user in keys),
        ),
        Question(
            "get_events",
            tuple(
                {"event_type": kind, "platform": platform, "limit": str(limit)}
                for limit in LIMITS
                for kind in EVENT_TYPES
                for platform in PLATFORMS
            ),
        ),
        Question("user_activity", tuple({"user_id": user} for user in users)),
        Question("event_stats", ({},)),
    )
