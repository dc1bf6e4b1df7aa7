"""What the worker inserts, and under which keys the fence table knows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from schemas.feed import Feed
from schemas.mapping.landing import fence_key, landing_of, replay_key, topic_id_of, topic_key

ALWAYS = ["__topic", "__partition", "__offset", "__timestamp", "__fence", "__owner", "__value"]


@pytest.mark.parametrize(
    ("feed", "more"),
    [
        (Feed("e", "t"), []),
        (Feed("e", "t", store_key=True), ["__key"]),
        (Feed("e", "t", store_headers=True), ["__headers"]),
        (Feed("e", "t", store_key=True, store_headers=True, store_raw_value=True), ["__key", "__headers"]),
    ],
)
def test_only_what_a_column_is_declared_for_is_read_of_each_message(feed: Feed, more: list[str]) -> None:
    landing = landing_of(feed)
    assert landing.table == "e_landing"
    assert [name for name, _ in landing.columns] == ALWAYS + more


def test_no_two_things_share_a_key() -> None:
    keys = {fence_key("e", "id", 1), replay_key("e", "id", 1), topic_key("e", "t", "id"), topic_key("e", "t")}
    assert len(keys) == 4
    assert topic_key("e", "t", "id").startswith(topic_key("e", "t"))


@pytest.mark.parametrize("data_source", ["e", "a.b-c", "of a/path"])
def test_the_topic_id_is_read_back_from_a_fence_key(evaluate: Callable[..., Any], data_source: str) -> None:
    assert evaluate(topic_id_of("`__value`"), fence_key(data_source, "Zm9v-_", 12)) == "Zm9v-_"
