"""Waits between attempts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.backoff import Backoff


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(first=0.5, longest=3, chance=lambda: 0.0)
    assert [backoff.delay(failures) for failures in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_chance_shortens_a_wait_by_up_to_half() -> None:
    assert Backoff(first=8, longest=8, chance=lambda: 0.5).delay(1) == 6


@given(failures=st.integers(min_value=1, max_value=10**9), chance=st.floats(0, 1, exclude_max=True))
def test_any_number_of_failures_gives_a_wait_within_its_bounds(failures: int, chance: float) -> None:
    backoff = Backoff(first=0.1, longest=30, chance=lambda: chance)
    assert 0.05 <= backoff.delay(failures) <= 30
