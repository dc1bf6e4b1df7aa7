"""Many messages in one insert: no neighbour, second insert or stranger changes what a row becomes."""

from __future__ import annotations

import random

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.sql.text import literal
from tests.integration.mapping.files import DEFAULTED, GOOD, LENIENT, SHAPE_COLUMNS, SHAPED, message_of
from tests.integration.mapping.messages import REFUSED, STORED, WHOLE, shape_of
from tests.schemas.mapping.mapped import OWNER, Mapped
from tests.schemas.mapping.samples.all import SAMPLES

FILES = {
    **SHAPED,
    **DEFAULTED,
    **LENIENT,
}

NEIGHBOURS = [
    *(shape_of(text) for text, _ in STORED),
    *(shape_of(text) for text, _ in REFUSED),
    *(message for _, message, _ in WHOLE),
]

TYPED_NEIGHBOURS = [
    message_of({f"c{number}": text})
    for number, sample in enumerate(SAMPLES)
    for text in (*sample.takes, *sample.refuses, "null")
] + [message for _, message, _ in WHOLE]


@pytest.mark.parametrize(
    ("name", "columns", "messages"),
    [
        ("shapes", SHAPE_COLUMNS, NEIGHBOURS),
        ("defaulted", list(GOOD), TYPED_NEIGHBOURS),
    ],
)
def test_what_a_row_becomes_never_depends_on_its_neighbours(
    mapped: Mapped, name: str, columns: list[str], messages: list[bytes]
) -> None:
    def outcomes(sent: list[bytes]) -> dict[bytes, object]:
        offsets = mapped.insert(name, sent)
        found: dict[int, object] = {**mapped.rows(name, columns, offsets), **mapped.reasons(name, offsets)}
        assert len(found) == len(sent)
        return {message: found[offset] for offset, message in zip(offsets, sent, strict=True)}

    chance = random.Random(5)
    alone = {message: outcomes([message])[message] for message in chance.sample(messages, 8)}
    together = outcomes(messages)
    assert {message: together[message] for message in alone} == alone
    for _ in range(3):
        some = chance.sample(messages, chance.randint(1, len(messages)))
        assert outcomes(some) == {message: together[message] for message in some}


def test_the_same_token_stores_once_in_events_and_quarantine(mapped: Mapped) -> None:
    messages = [shape_of("{}"), b"broken", shape_of('{"count":"3"}')]
    first = mapped.insert("shapes", messages, token="once")
    mapped.insert("shapes", messages, first=first.start, token="once")
    for table, count in (("shapes", 1), ("shapes_quarantine", 2)):
        counted = f"SELECT count() FROM {{table}} WHERE __offset BETWEEN {first.start} AND {first.stop - 1}"
        assert mapped.query(counted, table) == [(count,)]


@pytest.mark.parametrize(
    ("setting", "stored"),
    [("", 1), ("SETTINGS insert_deduplicate = 0", 1), ("SETTINGS deduplicate_insert = 'disable'", 2)],
)
def test_equal_inserts_by_hand_are_stored_each_with_the_setting_that_the_docs_name(
    mapped: Mapped, setting: str, stored: int
) -> None:
    name = f"by hand {setting}"
    for _ in range(2):
        mapped.client.command(
            f"INSERT INTO `{mapped.database}`.lenient (a, b) {setting} VALUES ({literal(name)}, 1)",
            settings={"async_insert": 0},
        )
    found = mapped.query(f"SELECT count() FROM {{table}} WHERE a = {literal(name)}", "lenient")
    assert found == [(stored,)]


@pytest.mark.parametrize("owner", [0, OWNER - 1, OWNER + 1])
def test_whoever_does_not_own_the_partition_is_refused(mapped: Mapped, owner: int) -> None:
    with pytest.raises(DatabaseError, match="ingest_fence") as raised:
        mapped.insert("shapes", [shape_of("{}")], first=1_000_000, owner=owner)
    assert raised.value.code == 469
    assert mapped.query("SELECT count() FROM {table} WHERE __offset >= 1000000", "shapes") == [(0,)]
