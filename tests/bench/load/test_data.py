"""The made traffic: the same for a seed, of the sample event's size, and skewed as traffic is."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime

from bench.load.data import BLOCK, DAYS, FIRST_MOMENT, USERS, Traffic, broken_messages
from schemas.project import EXAMPLE_PROJECT, load_project

EVENTS = 2 * BLOCK + 500


def test_a_seed_makes_the_same_messages_and_another_one_others() -> None:
    messages = list(Traffic(EVENTS, 1))
    assert messages == list(Traffic(EVENTS, 1))
    assert len(messages) == EVENTS
    assert messages[:BLOCK] != Traffic(EVENTS, 2).block(0)


def test_a_block_can_be_made_by_itself() -> None:
    traffic = Traffic(EVENTS, 3)
    assert traffic.block(2) == list(traffic)[2 * BLOCK :]
    assert len(traffic.block(2)) == 500


def test_messages_have_the_columns_and_the_size_of_the_sample_event() -> None:
    messages = Traffic(BLOCK, 1).block(0)
    columns = load_project(EXAMPLE_PROJECT, environment={}).data_sources["events"].columns
    assert all(list(json.loads(message)) == [column.name for column in columns] for message in messages[:100])
    sizes = [len(message) for message in messages]
    assert min(sizes) >= 290
    assert max(sizes) <= 335
    assert 306 <= sum(sizes) / len(sizes) <= 324


def test_traffic_is_skewed_and_covers_sixty_days() -> None:
    events = [json.loads(message) for message in Traffic(BLOCK, 1)]
    users = Counter(event["user_id"] for event in events)
    by_the_busiest_tenth = sum(count for _, count in users.most_common(USERS // 10))
    assert by_the_busiest_tenth > len(events) / 2
    assert Counter(event["event_type"] for event in events).most_common(1)[0][0] == "page_view"
    assert len({event["event_id"] for event in events}) == len(events)
    moments = [datetime.fromisoformat(f"{event['timestamp']}+00:00") for event in events]
    assert min(moments) >= FIRST_MOMENT
    assert (max(moments) - min(moments)).days in (DAYS - 1, DAYS)


def test_a_share_of_broken_messages_is_broken_in_two_ways() -> None:
    whole, traffic = list(Traffic(BLOCK, 1)), Traffic(BLOCK, 1, broken=0.5)
    changed = [message for message, other in zip(traffic, whole, strict=True) if message != other]
    assert 0.47 < len(changed) / BLOCK < 0.53
    assert broken_messages(traffic) == len(changed)
    cut = 0
    for message in changed:
        try:
            assert json.loads(message)["timestamp"] is True
        except json.JSONDecodeError:
            cut += 1
    assert 0.4 < cut / len(changed) < 0.6
