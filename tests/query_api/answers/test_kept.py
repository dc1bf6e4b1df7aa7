"""Kept answers are bounded in bytes, whatever is asked."""

from __future__ import annotations

import tracemalloc

import pytest

from query_api.answers.kept import KeptAnswer, KeptAnswers
from query_api.answers.question import PipeQuestion, shortcut
from query_api.web.formats import FORMATS
from schemas.queries.query import Query
from tests.query_api.answers.asker import Clock


def answer(number: int, size: int, *, begun: float = 1000.0, seconds: int = 60) -> KeptAnswer:
    digest = number.to_bytes(32, "big")
    return KeptAnswer(digest, bytes(size), "application/json", f"{number:032}", begun=begun, seconds=seconds)


@pytest.mark.parametrize("size", [0, 300, 20_000])
def test_all_that_is_kept_takes_no_more_memory_than_it_may(size: int) -> None:
    most = 2_000_000
    kept = KeptAnswers(most, Clock())
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(4 * most // (size + 2_048)):
            each = answer(number, size)
            kept.keep(each)
            for variant in range(3):
                kept.remember(shortcut(1, "top", "json", "", f"n={number}&{variant}"), each)
            del each
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert kept.entries > 50
    assert used <= most
    assert kept.held_bytes <= most


def test_the_least_recently_used_goes_first() -> None:
    kept = KeptAnswers(100_000, Clock())
    answers = [answer(number, 10_000) for number in range(8)]
    for each in answers[:7]:
        assert kept.keep(each) == 0
    assert kept.find(answers[0].digest) is answers[0]
    assert kept.keep(answers[7]) == 1
    assert kept.find(answers[1].digest) is None
    assert kept.find(answers[0].digest) is answers[0]


def test_one_answer_has_at_most_a_part_of_all_room() -> None:
    kept = KeptAnswers(100_000, Clock())
    kept.keep(answer(1, 12_500))
    assert kept.entries == 0


def test_without_room_nothing_is_kept() -> None:
    kept = KeptAnswers(0, Clock())
    each = answer(1, 0)
    kept.keep(each)
    kept.remember(b"shortcut", each)
    assert (kept.recall(b"shortcut"), kept.find(each.digest), kept.entries) == (None, None, 0)


def test_what_is_over_is_neither_found_nor_counted() -> None:
    clock = Clock()
    kept = KeptAnswers(100_000, clock)
    each = answer(1, 10, seconds=5)
    kept.keep(each)
    kept.remember(b"shortcut", each)
    clock.now += 4.999
    assert kept.recall(b"shortcut") is each
    clock.now += 0.001
    assert (kept.recall(b"shortcut"), kept.find(each.digest), kept.entries) == (None, None, 0)


def test_a_shortcut_is_of_all_that_a_request_says() -> None:
    shown = {
        shortcut(*each)
        for each in [
            (1, "top", "json", "", "a=1"),
            (2, "top", "json", "", "a=1"),
            (1, "pot", "json", "", "a=1"),
            (1, "top", "csv", "", "a=1"),
            (1, "top", "json", "[('a', '2')]", "a=1"),
            (1, "top", "json", "", "a=1&"),
        ]
    }
    assert len(shown) == 6


def test_values_that_stand_next_to_each_other_are_told_apart() -> None:
    def digest(**parameters: str) -> bytes:
        query = Query("SELECT {a:String}, {b:String}", parameters)
        return PipeQuestion(1, "top", query, FORMATS["json"], {}, 60).key().digest()

    assert digest(a="1', 'b', '2", b="") != digest(a="1", b="2")
    assert digest(a="\ud800", b="") != digest(a="?", b="")
