"""Every name in a database that is Birdhouse's own, each declared once with what it is for.

No data source, pipe, column or index may take one: `schemas.checks` refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

# --- What a database has once ---

FENCE_TABLE = "ingest_fence"
"""Who owns what: `key String, owner UInt64`, a Join table whose last row for a key wins. The landing tables'
constraint of the same name compares each row's `__owner` with it, so that the insert of a former owner of a
partition is refused (error 469), however late it arrives."""

LOCK_TABLE = "deploy_lock"
"""There while a deployment runs: only one process can create it."""

RECORD_TABLE = "replay_record"
"""What each `birdhouse replay` has stored."""

STEPS_TABLE = "deploy_steps"
"""There while views are filled: what a deploy has done of it, so that the next one goes on from there."""

WORK_PREFIX = "deploy__"
"""What the names of the tables begin with that a deploy makes to fill views, and drops at its end."""

DATABASE_TABLES: Mapping[str, str] = {
    FENCE_TABLE: "the table of partition owners",
    LOCK_TABLE: "the lock of deployments",
    RECORD_TABLE: "the record of replays",
    STEPS_TABLE: "the steps of deployments",
}
"""What a database has once, and what it is."""

REHEARSAL_SUFFIX = "__rehearsal"
"""Behind the database's name, before what makes it unique: a database in which a deploy tries what it is about to make,
and a check the project's SQL. What the users of the containers may create beside theirs."""

# --- What a data source that takes events has, besides the table of its name ---


class PassageTables(NamedTuple):
    """The tables that messages go through and none is kept in, each named after what is in it."""

    landing: str
    parsed: str
    accepted: str
    rejected: str
    doubtful: str


class MappingViews(NamedTuple):
    """The mapping views: messages to parsed rows (parse), good, bad and doubtful rows each to a table of their own
    (accept, reject, doubt), good ones on to the data source's table (store), bad ones to quarantine with the reasons
    (explain), and doubtful ones, which are read again, to either (store_again, explain_again)."""

    parse: str
    accept: str
    reject: str
    doubt: str
    store: str
    explain: str
    store_again: str
    explain_again: str


TABLES_A_MESSAGE = 4
"""How many tables each message is written to: landing, parsed, accepted and the data source's own, or landing, parsed,
rejected and the quarantine. Those that are read again are written to one more, doubtful, on their way from rejected to
either, and views of the project write some more. Fewer are written where something is missing."""

_QUARANTINE_SUFFIX = "_quarantine"


def quarantine_table(data_source: str) -> str:
    """The table of what could not be mapped, in Tinybird's layout."""
    return data_source + _QUARANTINE_SUFFIX


def quarantined_by(table: str) -> str:
    """The data source whose quarantine a table is by its name; empty when it is none."""
    return table.removesuffix(_QUARANTINE_SUFFIX) if table.endswith(_QUARANTINE_SUFFIX) else ""


def landing_table(data_source: str) -> str:
    """The table through which raw messages come in."""
    return passage_tables(data_source).landing


def landed_by(table: str) -> str:
    """The data source whose landing table a table is by its name; empty when it is none."""
    return table.removesuffix("_landing") if table == landing_table(table.removesuffix("_landing")) else ""


def passage_tables(data_source: str) -> PassageTables:
    """The names of the tables between message and row."""
    return PassageTables(*(f"{data_source}_{table}" for table in PassageTables._fields))


def views(data_source: str) -> MappingViews:
    """The names of the views between message and row."""
    return MappingViews(*(f"{data_source}_{view}" for view in MappingViews._fields))


def tables_beside(data_source: str) -> tuple[str, ...]:
    """The tables and views that belong to a data source that takes events, besides the one of its name."""
    return (quarantine_table(data_source), *passage_tables(data_source), *views(data_source))


CLOSED_CONSTRAINT = "mapping_is_being_replaced"
"""The landing table's constraint that refuses every row (error 469) while the views behind it are made anew. It is
over in a moment: the same batch again."""

OFFSET_INDEX_NAME = "__offset_range"
"""The index of a table that takes events over its offsets."""

# --- Columns: the message's own facts ---

TOPIC, PARTITION, OFFSET, TIMESTAMP = "__topic", "__partition", "__offset", "__timestamp"
VALUE, KEY, HEADERS = "__value", "__key", "__headers"

METADATA = frozenset({TOPIC, PARTITION, OFFSET, TIMESTAMP, KEY, VALUE, HEADERS})
"""Columns that a schema may declare to have the message's own facts as ordinary columns. A JSONPath of theirs counts
for nothing: what is stored under these names is how messages are found again."""

TOPIC_ID = "__topic_id"
"""Stored beside topic, partition and offset, which a topic that was deleted and made again uses once more. It is a
part of the fence key, so that no message carries it a second time."""

PROVENANCE = (TOPIC, TOPIC_ID, PARTITION, OFFSET, TIMESTAMP)
"""Where a row comes from: every table that takes events keeps these, out of sight where the schema declares none."""

FENCE_KEY, OWNER = "__fence", "__owner"
"""Of the landing table alone: under which key of the fence table, and as whom, a row is inserted."""

_INCOMING = "__in"


def incoming(hidden: str) -> str:
    """The EPHEMERAL column through which the value of a hidden one comes in."""
    return _INCOMING + hidden.removeprefix("_")


# --- Columns: those of the quarantine ---

ERROR_COLUMN, ERROR, IMPORT_ID, INSERTION_DATE = "c__error_column", "c__error", "c__import_id", "insertion_date"

QUARANTINE_FACTS = (ERROR_COLUMN, ERROR, IMPORT_ID, INSERTION_DATE)
"""The quarantine's own columns: a column of the schema that is called so is in the raw message alone."""

# --- Columns: what the mapping views use for themselves ---

IS_RIGHT, IS_DOUBTFUL, IS_QUICK = "__is_right", "__is_doubtful", "__is_quick"
MAY_BE_STORED = "__may_be_stored"
REASONS = "__reasons"
FRAMED = "__framed"
"""The message as it came, where `__value` is what is behind its frame."""

SENT = "__sent"
"""The message as it was sent, where `__value` has its numbers out of range in quotes."""

PARSED, STATE, LEAF, PARTS, EXTRACTED = "__parsed_", "__state_", "__leaf_", "__parts_", "__extracted_"
"""What the names of parsed columns, of containers' states, of extracted leaves, of an object's parts and of extracted
tuples begin with."""

_OF_VIEWS = (IS_RIGHT, IS_DOUBTFUL, IS_QUICK, MAY_BE_STORED, REASONS, FRAMED, SENT, TOPIC_ID)
_BEGINNINGS_OF_VIEWS = (PARSED, STATE, LEAF, PARTS, EXTRACTED)

INTERNAL_NAME = re.compile(
    "|".join((*_OF_VIEWS, *map(incoming, PROVENANCE), *(f"{beginning}.*" for beginning in _BEGINNINGS_OF_VIEWS)))
)
"""Names of columns that no schema can declare, since the views use them for themselves."""

# --- Names that a query finds something else under ---

SERVICE_PREFIXES = ("tinybird.", "organization.", "system.", "information_schema.")
"""Under these (in any case) a query finds service data sources and ClickHouse's own tables."""
