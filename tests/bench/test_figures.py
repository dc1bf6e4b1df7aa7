"""Medians, percentiles and the texts that tables show of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Spread, percentile, ratio, spread_text, thousands
from bench.table import render


def test_percentiles_are_values_that_were_measured() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert percentile(values, 50) == 3.0
    assert percentile(values, 99) == 5.0
    assert percentile(values, 20) == 1.0
    assert percentile(values, 21) == 2.0
    assert percentile(values, 0) == 1.0
    assert percentile(range(1, 1001), 99) == 990


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_enough_values_do_not_exceed_a_percentile(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9


def test_there_are_no_figures_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)
    with pytest.raises(ValueError, match="nothing"):
        Spread.of([])


def test_a_spread_is_shown_with_its_ends_when_there_are_several_rounds() -> None:
    assert spread_text([3000.0, 1000.0, 2000.0], thousands) == "2,000 (1,000–3,000)"
    assert spread_text([1000.0], thousands) == "1,000"
    assert spread_text([1000.0, None], thousands) == "–"
    assert spread_text([], thousands) == "–"


def test_a_ratio_to_nothing_is_none() -> None:
    assert ratio(3, 2) == 1.5
    assert ratio(3, 0) is None


def test_a_table_is_aligned_and_is_markdown() -> None:
    assert render(("side", "events/s"), [("us", "1,000"), ("them", "9")]).splitlines() == [
        "| side | events/s |",
        "| ---- | -------: |",
        "| us   |    1,000 |",
        "| them |        9 |",
    ]
