"""A budget of time that several steps share."""

from __future__ import annotations

from service.deadline import Deadline


class SetClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_one_step_used_is_gone_for_the_next() -> None:
    clock = SetClock()
    deadline = Deadline.after(10, clock)
    clock.now += 4
    assert deadline.remaining() == 6
    assert deadline.at_most(2) == 2
    assert deadline.at_most(60) == 6
    assert not deadline.is_over


def test_nothing_remains_after_its_end() -> None:
    clock = SetClock()
    deadline = Deadline.after(10, clock)
    clock.now += 11
    assert deadline.remaining() == 0
    assert deadline.at_most(5) == 0
    assert deadline.is_over
