"""Which settings are limits."""

from __future__ import annotations

import pytest

from schemas.queries.limit_settings import is_limit_setting


@pytest.mark.parametrize("name", ["max_memory_usage", "readonly", "join_overflow_mode", "send_timeout", "workload"])
def test_a_limit_is_not_a_nodes_to_change(name: str) -> None:
    assert is_limit_setting(name)


@pytest.mark.parametrize("name", ["max_threads", "join_use_nulls", "optimize_aggregation_in_order"])
def test_any_other_setting_is(name: str) -> None:
    assert not is_limit_setting(name)
