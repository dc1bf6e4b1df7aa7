"""Which topic feeds a data source."""

from __future__ import annotations

import pytest

from schemas.feed import Feed, connection_of, feed_of, feeds_of
from schemas.model import Column, Connection, DataSource, JsonPath, KafkaSource

PATH = JsonPath("$.a", ("a",))


def source(*columns: str, kafka: KafkaSource | None = None) -> DataSource:
    return DataSource("events", tuple(Column(name, None, PATH) for name in columns), kafka=kafka)


def test_events_come_from_the_topic_of_the_data_sources_name_from_its_beginning() -> None:
    assert feed_of(source("a")) == Feed("events", "events", "birdhouse", "earliest")


def test_without_a_path_and_without_kafka_lines_no_events_come() -> None:
    assert feed_of(DataSource("events", (Column("a", None),))) is None


@pytest.mark.parametrize("column", ["__value", "__headers", "__key"])
def test_a_declared_column_asks_for_the_messages_own_facts(column: str) -> None:
    feed = feed_of(source("a", column))
    assert feed is not None
    stored = {"__value": feed.store_raw_value, "__headers": feed.store_headers, "__key": feed.store_key}
    assert stored == {name: name == column for name in stored}


def test_kafka_lines_say_topic_group_and_connection() -> None:
    feed = feed_of(source("a", kafka=KafkaSource("main", "clicks", "workers", store_headers=True)))
    assert feed == Feed("events", "clicks", "workers", "latest", "main", store_headers=True)


def test_a_topic_whose_secret_has_no_value_feeds_nothing() -> None:
    assert feeds_of([source("a", kafka=KafkaSource("main", "", ""))]) == ()


def test_one_connection_that_all_share_is_theirs() -> None:
    main = Connection("main", "kafka", {})
    feeds = [Feed("a", "a", connection="main"), Feed("b", "b")]
    assert connection_of(feeds, {"main": main}) is main
    assert connection_of([*feeds, Feed("c", "c", connection="other")], {"main": main}) is None
