"""How many processes there are, and what each gets of the limits of all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.processes.shares import process_count, share_of
from query_api.settings import QueryApiSettings
from service.errors import SettingsError
from service.settings import load_settings


def settings(**values: object) -> QueryApiSettings:
    return load_settings(
        QueryApiSettings, {f"BIRDHOUSE_API_{name.upper()}": str(value) for name, value in values.items()}
    )


def test_one_unless_asked_for_more() -> None:
    assert process_count(settings(), 8) == 1
    assert process_count(settings(processes=3), 2) == 3
    assert process_count(settings(processes=0), 8) == 8


def test_as_many_as_there_are_cores_are_no_more_than_can_share_a_limit() -> None:
    assert process_count(settings(processes=0, max_queries=3), 8) == 3
    assert process_count(settings(processes=0, max_buffered_bytes=2_500_000), 8) == 2


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"max_queries": 3}, "`BIRDHOUSE_API_MAX_QUERIES`"),
        ({"max_buffered_bytes": 3 << 20}, "`BIRDHOUSE_API_MAX_BUFFERED_BYTES`"),
    ],
    ids=["queries", "bytes"],
)
def test_more_than_can_share_a_limit_are_refused(limits: dict[str, int], named: str) -> None:
    with pytest.raises(SettingsError, match="set at most 3, or 0") as refused:
        process_count(settings(processes=4, **limits), 8)
    assert named in str(refused.value)
    assert refused.value.problems[0].name == "BIRDHOUSE_API_PROCESSES"


@given(st.integers(1, 20), st.integers(20, 100), st.integers(0, 300), st.integers(20 << 20, 900_000_000))
def test_shares_add_up_to_the_limit(count: int, queries: int, queued: int, buffered: int) -> None:
    whole = settings(max_queries=queries, max_queued=queued, max_buffered_bytes=buffered)
    shares = [share_of(whole, number, count) for number in range(count)]
    assert sum(share.max_queries for share in shares) == queries
    assert sum(share.max_queued for share in shares) == queued
    assert sum(share.max_buffered_bytes for share in shares) == buffered
    for name, least in QueryApiSettings.OF_ALL.items():
        values = [getattr(share, name) for share in shares]
        assert min(values) >= least
        assert max(values) - min(values) <= 1
