"""What is loaded for good is not walked by the garbage collector, which works on for all else."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from service.long_lived import freeze_long_lived, loading_long_lived


class Circle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _own_collector() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    # What was frozen stays so: the session's own modules are among it.
    gc.set_threshold(*threshold)
    gc.enable()


def test_nothing_is_walked_while_it_is_loaded_and_it_is_left_alone_afterwards() -> None:
    with loading_long_lived():
        assert not gc.isenabled()
        before = gc.get_freeze_count()
        loaded = [Circle() for _ in range(100)]
    assert gc.isenabled()
    assert gc.get_freeze_count() > before + len(loaded)
    assert not any(each in gc.get_objects() for each in loaded[:3])


def test_what_comes_later_is_collected() -> None:
    with loading_long_lived():
        pass
    gone = weakref.ref(Circle())
    gc.collect()
    assert gone() is None


def test_a_failed_start_leaves_the_collector_as_it_was() -> None:
    before = gc.get_freeze_count()
    with pytest.raises(ValueError, match="wrong"), loading_long_lived():
        raise ValueError("wrong")
    assert gc.isenabled()
    assert gc.get_freeze_count() <= before  # what was frozen before may go by itself


def test_garbage_is_not_kept_when_all_is_there_already() -> None:
    gone = weakref.ref(Circle())
    freeze_long_lived()
    assert gone() is None
