"""The door into ClickHouse: the names and columns that the worker inserts raw messages under."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.feed import Feed

FENCE_TABLE = "ingest_fence"
"""Who owns what: `key String, owner UInt64`, a Join table whose last row for a key wins. The landing tables'
constraint of the same name compares each row's `__owner` with it, so that the insert of a former owner of a
partition is refused (error 469), however late it arrives."""

CLOSED_CONSTRAINT = "mapping_is_being_replaced"
"""The landing table's constraint that refuses every row (error 469) while the views behind it are made anew. It is
over in a moment: the same batch again."""

TOPIC, PARTITION, OFFSET, TIMESTAMP = "__topic", "__partition", "__offset", "__timestamp"
VALUE, KEY, HEADERS = "__value", "__key", "__headers"
FENCE_KEY, OWNER = "__fence", "__owner"
TOPIC_ID = "__topic_id"
"""Stored beside topic, partition and offset, which a topic that was deleted and made again uses once more. It is a
part of the fence key, so that no message carries it a second time."""

PROVENANCE = (TOPIC, TOPIC_ID, PARTITION, OFFSET, TIMESTAMP)

_TYPES = {
    TOPIC: "LowCardinality(String)",
    PARTITION: "Int32",
    OFFSET: "Int64",
    TIMESTAMP: "Int64",  # milliseconds since 1970, converted in the view: a DateTime64 costs a Python object a row
    FENCE_KEY: "LowCardinality(String)",
    OWNER: "UInt64",
    VALUE: "String",  # as produced; a tombstone arrives empty
    KEY: "String",
    HEADERS: "Map(String, String)",
}


@dataclass(frozen=True, slots=True)
class Landing:
    """The landing table of one data source.

    `columns` are what an insert names, in order, as (name, ClickHouse type). Key and headers are there only
    when the data source declares a column for them: reading them costs the worker time for every message.
    """

    table: str
    columns: tuple[tuple[str, str], ...]


def landing_of(feed: Feed) -> Landing:
    """The landing table that the messages of `feed` are inserted into."""
    names = [TOPIC, PARTITION, OFFSET, TIMESTAMP, FENCE_KEY, OWNER, VALUE]
    if feed.store_key:
        names.append(KEY)
    if feed.store_headers:
        names.append(HEADERS)
    return Landing(landing_table(feed.data_source), tuple((name, _TYPES[name]) for name in names))


def landing_table(data_source: str) -> str:
    return f"{data_source}_landing"


def quarantine_table(data_source: str) -> str:
    return f"{data_source}_quarantine"


def fence_key(data_source: str, topic_id: str, partition: int) -> str:
    """The key under which the owner of one partition of one topic is recorded for one data source."""
    return f"{data_source}/{topic_id}/{partition}"


def replay_key(data_source: str, topic_id: str, partition: int) -> str:
    """The key under which the running `birdhouse replay` of that partition is recorded: workers go on beside it."""
    return f"{data_source}/replay/{topic_id}/{partition}"


def topic_key(data_source: str, topic: str, topic_id: str = "") -> str:
    """The key under which it is recorded that a group has loaded a topic for a data source; without an id, what all
    such keys of that topic's name begin with. Kafka forgets a group's offsets with the topic: that is what is left."""
    return f"{data_source}/topic/{topic}/{topic_id}"


def topic_id_of(fence_key_sql: str) -> str:
    """SQL: the topic id in a fence key."""
    # Functions from text to text work once for each value of a LowCardinality column; one that made an array would not.
    return f"substringIndex(substringIndex({fence_key_sql}, '/', -2), '/', 1)"


def passage_tables(data_source: str) -> tuple[str, str, str, str, str]:
    """The tables that messages go through and none is kept in: landing, parsed, accepted, rejected, doubtful."""
    name = data_source
    return landing_table(name), f"{name}_parsed", f"{name}_accepted", f"{name}_rejected", f"{name}_doubtful"


TABLES_A_MESSAGE = 4
"""How many tables each message is written to: landing, parsed, accepted and the data source's own, or landing, parsed,
rejected and the quarantine. The same number for both, so that it shows from the sum when a view is missing. Those that
are read again are written to one more, doubtful, on their way from rejected to either."""


def views(data_source: str) -> tuple[str, ...]:
    """The mapping views: messages to parsed rows (parse), good, bad and doubtful rows each to a table of their own
    (accept, reject, doubt), good ones on to the data source's table (store), bad ones to quarantine with the reasons
    (explain), and doubtful ones, which are read again, to either (store_again, explain_again)."""
    return tuple(f"{data_source}_{view}" for view in VIEWS)


VIEWS = ("parse", "accept", "reject", "doubt", "store", "explain", "store_again", "explain_again")
