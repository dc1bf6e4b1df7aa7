"""Buckets of requests, on a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.access.rate_limit import RateLimiter
from query_api.errors import TooManyRequests


def test_a_bucket_holds_one_seconds_requests_and_refills_evenly() -> None:
    now = 100.0
    limiter = RateLimiter(lambda: now)
    assert [limiter.take("a", 2)["X-RateLimit-Remaining"] for _ in range(2)] == ["1", "0"]
    with pytest.raises(TooManyRequests) as refused:
        limiter.take("a", 2)
    assert refused.value.headers["Retry-After"] == "1"
    now += 0.5
    assert limiter.take("a", 2)["X-RateLimit-Remaining"] == "0"
    now += 10
    assert limiter.take("a", 2)["X-RateLimit-Remaining"] == "1"


@given(st.integers(1, 20), st.lists(st.floats(0, 0.3), max_size=60))
def test_no_second_and_no_burst_goes_over_the_rate(rps: int, pauses: list[float]) -> None:
    now = 0.0
    limiter = RateLimiter(lambda: now)
    taken = 0
    for pause in pauses:
        now += pause
        try:
            limiter.take("a", rps)
            taken += 1
        except TooManyRequests:
            continue
    assert taken <= rps * (now + 1) + 1e-3
