"""One insert: what is sent, and what each way of ending is called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lz4.frame
import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from ingest_worker.storing.outcomes import Refused, Stored, Swallowed, Unanswered
from ingest_worker.storing.sink import QUERY_PREFIX, Quarantined, Sink, query_prefix
from schemas.feed import Feed
from schemas.mapping.landing import landing_of
from tests.ingest_worker.fakes import FakeClient, batch, refusal, rows_of

LANDING = landing_of(Feed("events", "topic"))


def sink(*clients: Any) -> Sink:
    remaining = list(clients)

    def connect() -> Any:
        client = remaining.pop(0)
        if isinstance(client, Exception):
            raise client
        return client

    return Sink(connect, "birdhouse", LANDING, insert_seconds=30)


def test_sends_columns_and_token_to_the_landing_table() -> None:
    client = FakeClient({"written_rows": "8", "read_rows": "10"})
    outcome = sink(client).insert(batch(2), "key", owner=9)
    assert isinstance(outcome, Stored)
    (sent,) = client.inserts
    assert (sent["table"], sent["fmt"], sent["compression"]) == ("`birdhouse`.`events_landing`", "Native", None)
    columns = rows_of(sent["body"])
    assert sent["column_names"] == list(columns) == [name for name, _ in LANDING.columns]
    assert list(columns["__owner"]) == [9, 9]
    assert sent["settings"]["insert_deduplication_token"] == batch(2).token
    assert (sent["settings"]["async_insert"], sent["settings"]["deduplicate_insert"]) == (0, "enable")
    assert sent["settings"]["session_timezone"] == "UTC"
    assert sent["settings"]["query_id"].startswith(f"{QUERY_PREFIX}-events-0-")
    assert outcome.query_id == sent["settings"]["query_id"]


def test_compresses_as_the_client_has_agreed_on() -> None:
    client = FakeClient({})
    client.write_compression = "lz4"
    assert isinstance(sink(client).insert(batch(2), "key", owner=9), Stored)
    (sent,) = client.inserts
    assert sent["compression"] == "lz4"
    assert list(rows_of(lz4.frame.decompress(sent["body"]))["__owner"]) == [9, 9]


def test_a_replays_inserts_are_told_from_a_workers() -> None:
    client = FakeClient({})
    own = replace(batch(2), origin=replace(batch(2).origin, replay=7))
    sink(client).insert(own, "key", owner=7)
    (sent,) = client.inserts
    assert sent["settings"]["query_id"].startswith(query_prefix("events", 0, is_replay=True))
    # A worker that takes the partition over waits for both.
    assert query_prefix("events", 0, is_replay=True).startswith(query_prefix("events", 0))
    assert sent["settings"]["insert_deduplication_token"] == f"{batch(2).token}/replay-7"


def test_an_answer_with_a_code_is_a_refusal_and_costs_the_client() -> None:
    text = "Constraint `ingest_fence` for table birdhouse.events_landing is violated"
    broken, fresh = FakeClient(refusal(469, text)), FakeClient({})
    door = sink(broken, fresh)
    outcome = door.insert(batch(), "key", 1)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.name, outcome.constraint) == (469, "NAME", "ingest_fence")
    assert broken.is_closed
    assert isinstance(door.insert(batch(), "key", 1), Stored)
    assert len(fresh.inserts) == 1


@pytest.mark.parametrize("error", [OperationalError("reset"), ConnectionRefusedError("nobody"), TypeError("a bug")])
def test_no_answer_leaves_the_outcome_open(error: Exception) -> None:
    outcome = sink(FakeClient(error)).insert(batch(), "key", 1)
    assert isinstance(outcome, Unanswered)
    assert str(error) in outcome.message


def test_a_server_that_cannot_be_reached_is_an_outcome() -> None:
    assert isinstance(sink(OperationalError("no server")).insert(batch(), "key", 1), Unanswered)


def test_an_insert_that_reached_no_table_is_swallowed() -> None:
    outcome = sink(FakeClient({"written_rows": "7", "read_rows": "10"})).insert(batch(2), "key", 1)
    assert outcome == Swallowed(7)


def test_an_engine_that_does_not_count_is_believed() -> None:
    assert isinstance(sink(FakeClient({"written_rows": "2"})).insert(batch(2), "key", 1), Stored)
    assert isinstance(sink(FakeClient({})).insert(batch(2), "key", 1), Stored)


def test_long_errors_are_cut_to_one_line() -> None:
    outcome = sink(FakeClient(refusal(1, "line\n" * 500))).insert(batch(), "key", 1)
    assert isinstance(outcome, Refused)
    assert "\n" not in outcome.message
    assert len(outcome.message) <= 301


def test_counts_what_went_to_quarantine_by_column() -> None:
    client = FakeClient([(["a", "b"], 2), (["a"], 1)])
    assert sink(client).count_quarantined(batch(9, first_offset=4)) == Quarantined(3, {"a": 3, "b": 2})
    ((sql, parameters),) = client.queries
    assert "{first:Int64} AND {last:Int64}" in sql
    assert (parameters["quarantine"], parameters["first"], parameters["last"]) == ("events_quarantine", 4, 12)


def test_a_count_that_fails_is_unknown() -> None:
    client = FakeClient(refusal(60))
    assert sink(client).count_quarantined(batch()) is None
    assert client.is_closed


BROKEN = (
    "Division by zero: while executing 'FUNCTION intDiv(1_UInt8 :: 1, __table1.k :: 2) -> intDiv(1_UInt8, __table1.k)"
    " UInt8 : 0': while pushing to view birdhouse.hourly: while pushing to view birdhouse.events_store. (CODE)"
)


def test_a_view_that_fails_is_named_before_its_long_error_is_cut() -> None:
    outcome = sink(FakeClient(refusal(153, f"{'x' * 900} {BROKEN}"))).insert(batch(), "key", 1)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.view, outcome.missing_view) == (153, "hourly", None)
    assert outcome.message.startswith("view `hourly` fails: xxx")
    assert len(outcome.message) <= 301
    outcome = sink(FakeClient(refusal(153, BROKEN))).insert(batch(), "key", 1)
    assert isinstance(outcome, Refused)
    assert outcome.message == "view `hourly` fails: Division by zero (at `k`)"


NO_TARGET = "Target table 'birdhouse.per_hour' of view 'birdhouse.events_landing' doesn't exists. (UNKNOWN_TABLE)"


@pytest.mark.parametrize(
    ("answer", "view", "said"),
    [
        ([("hourly",)], "hourly", "view `hourly` fails: its target `per_hour` is not there"),
        ([], None, "a view fails: its target `per_hour` is not there"),
        (refusal(1), None, "a view fails: its target `per_hour` is not there"),
    ],
)
def test_whose_target_is_gone_is_looked_up(answer: object, view: str | None, said: str) -> None:
    outcome = sink(FakeClient(refusal(60, NO_TARGET)), FakeClient(answer)).insert(batch(), "key", 1)
    assert outcome == Refused(60, "NAME", said, view=view)


def test_a_missing_view_of_the_mapping_is_told_from_any_other_missing_table() -> None:
    def outcome_for(table: str) -> object:
        text = f"Table birdhouse.{table} does not exist: While processing hasColumnInTable(x). (UNKNOWN_TABLE)"
        return sink(FakeClient(refusal(60, text))).insert(batch(), "key", 1)

    missing = outcome_for("events_accept")
    assert isinstance(missing, Refused)
    assert (missing.missing_view, missing.view) == ("events_accept", None)
    assert "`events_accept` is missing" in missing.message
    other = outcome_for("clicks_accept")
    assert isinstance(other, Refused)
    assert (other.missing_view, other.view) == (None, None)
