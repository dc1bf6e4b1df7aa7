"""Where `birdhouse offsets` sets a group, from what the broker holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from deploy.errors import OffsetsError
from deploy.operations.offsets import Target, feeds_of_topic, positions, render, target_of
from ingest_worker.storing.record import Record
from ingest_worker.storing.topic import Held
from schemas.feed import Feed
from schemas.model import Project
from tests.ingest_worker.house import data_source

HELD = [Held(0, 10, 50, 30), Held(1, 0, 0, None)]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class View:
    """A topic whose partition 0 has a message of noon at offset 42; partition 1 has none."""

    def topic_id(self) -> str:
        return "id"

    def offsets_at(self, partitions: list[int], moment: datetime) -> list[int | None]:
        assert (partitions, moment) == ([0, 1], NOON)
        return [42, None]


def wanted(target: Target, held: list[Held] = HELD) -> dict[int, int]:
    return positions(cast("Any", View()), held, target)


@pytest.mark.parametrize(
    ("text", "target"),
    [("earliest", "earliest"), ("current", "current"), ("17", 17), ("2026-01-31T12:00:00", NOON)],
)
def test_places_in_a_topic(text: str, target: Target) -> None:
    assert target_of(text) == target


def test_a_place_that_is_none_is_said() -> None:
    with pytest.raises(OffsetsError, match="`yesterday` is no place"):
        target_of("yesterday")


def test_each_partition_has_its_own_offset() -> None:
    assert wanted("earliest") == {0: 10, 1: 0}
    assert wanted("latest") == {0: 50, 1: 0}
    assert wanted(NOON) == {0: 42, 1: 0}
    assert wanted("current", HELD[:1]) == {0: 30}
    assert wanted(11, HELD[:1]) == {0: 11}


@pytest.mark.parametrize(
    ("target", "message"),
    [("current", "no offset of partition 1"), (9, "holds 10 to 50"), (51, "holds 10 to 50")],
)
def test_an_offset_that_is_not_there_is_refused(target: Target, message: str) -> None:
    with pytest.raises(OffsetsError, match=message):
        wanted(target)


def test_what_shares_the_group_is_set_together() -> None:
    sources = [data_source("a", "t", "g"), data_source("b", "t", "g"), data_source("c", "t", "other")]
    project = Project(Path(), {source.name: source for source in sources}, {})
    assert [feed.data_source for feed in feeds_of_topic(project, "b")] == ["b", "a"]
    with pytest.raises(OffsetsError, match="no data source `d`"):
        feeds_of_topic(project, "d")


def test_the_table_says_who_committed() -> None:
    text = render(Feed("a", "t"), [Held(0, 10, 50, 30, record=Record("id")), Held(1, 0, 9, 4)], {1: 9}, "id")
    assert "committed 30 by a worker" in text
    assert "committed 4 by somebody else  to 9" in text
    assert "of a former topic" not in text
    text = render(Feed("a", "t"), [Held(0, 10, 50, 30, record=Record("former"))], {}, "id")
    assert "committed 30 by a worker, of a former topic of that name" in text


def test_an_offset_of_a_former_topic_is_none_to_keep() -> None:
    with pytest.raises(OffsetsError, match="no offset of partition 0 that it could keep"):
        wanted("current", [Held(0, 10, 50, 30, record=Record("former"))])
