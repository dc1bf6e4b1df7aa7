"""What looks at a closing and opening door make of it."""

from __future__ import annotations

import pytest

from bench.errors import BenchError
from bench.measures.cut_watch import Seen


def test_each_closing_lasts_from_the_last_open_look_to_the_next_open_one() -> None:
    seen = Seen()
    for began, owner in ((0.0, 0), (1.0, 0), (2.0, 7), (3.0, 7), (4.0, 0), (5.0, 8), (6.0, 0), (7.0, 0)):
        seen.look(began, began + 0.5, owner, None)
    assert seen.closed == [3.5, 2.5]


def test_the_fill_is_between_the_cut_and_the_last_piece() -> None:
    seen = Seen()
    steps = ["begun of a", "cut of a", "piece of x", "ready of "]
    for number in range(len(steps) + 1):
        seen.look(float(number), number + 0.5, 0, frozenset(steps[:number]) or None)
    seen.look(9.0, 9.5, 0, None)
    assert seen.fill_seconds == 4.5 - 2.0


def test_a_fill_whose_end_no_look_saw_is_over_when_all_is_forgotten() -> None:
    seen = Seen()
    for began, steps in ((0.0, None), (1.0, frozenset({"cut of a"})), (2.0, None), (3.0, None)):
        seen.look(began, began + 0.5, 0, steps)
    assert seen.fill_seconds == 2.5 - 1.0


def test_a_deploy_that_fills_nothing_has_no_rate() -> None:
    seen = Seen()
    seen.look(0.0, 0.5, 0, frozenset({"begun of a"}))
    with pytest.raises(BenchError, match="no cut and no fill"):
        assert seen.fill_seconds
