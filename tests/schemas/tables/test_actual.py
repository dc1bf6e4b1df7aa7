"""The clauses in ClickHouse's account of a table."""

from __future__ import annotations

import pytest

from schemas.tables.actual import ActualTable

WINDOW = "non_replicated_deduplication_window"


@pytest.mark.parametrize(
    ("engine_full", "ttl", "settings"),
    [
        ("", "", {}),
        ("MergeTree ORDER BY ttl", "", {}),
        ("MergeTree ORDER BY id TTL at + toIntervalDay(9)", "at + toIntervalDay(9)", {}),
        ("MergeTree TTL at SETTINGS a = 1, b = 'x, y'", "at", {"a": "1", "b": "'x, y'"}),
        ("Join(ANY, LEFT, key) SETTINGS join_any_take_last_row = 1", "", {"join_any_take_last_row": "1"}),
    ],
)
def test_ttl_and_settings(engine_full: str, ttl: str, settings: dict[str, str]) -> None:
    table = ActualTable("x", "MergeTree", engine_full)
    assert (table.ttl, table.settings) == (ttl, settings)


@pytest.mark.parametrize(
    ("settings", "window", "is_enough"),
    [
        (f"{WINDOW} = 10000, index_granularity = 8192", 10_000, True),
        (f"index_granularity = 8192, {WINDOW} = 9999", 9_999, False),
        (f"{WINDOW} = 0", 0, False),
        (f"x_{WINDOW} = 10000", 0, False),
    ],
)
def test_a_window_that_is_too_short_is_none(settings: str, window: int, is_enough: bool) -> None:
    table = ActualTable("x", "MergeTree", f"MergeTree ORDER BY id TTL at + toIntervalDay(9) SETTINGS {settings}")
    assert (table.window, table.has_window) == (window, is_enough)
    assert not ActualTable("x", "MergeTree", "MergeTree ORDER BY id").has_window
