"""Columns that are more than a path: facts of the message, defaults from others, odd names, other words for types."""

from __future__ import annotations

import json

import pytest

from tests.integration.mapping.files import BROKERS, file_of, message_of
from tests.schemas.mapping.mapped import MILLISECONDS, PARTITION, TOPIC, Mapped

FILES = {
    "datasources/computed.datasource": file_of(
        [
            "    `text` Nullable(String) `json:$.text`",
            "    `shout` String DEFAULT upper(ifNull(text, '?'))",
            "    `twice` String `json:$.twice` DEFAULT concat(shout, shout)",
            "    `size` Int32 `json:$.size` DEFAULT length(text)",
            "    `kind` LowCardinality(String) `json:$.kind` DEFAULT text",
            "    `stamp` DEFAULT now()",
        ]
    ),
    "datasources/odd_names.datasource": file_of(
        [
            *(
                f"    `{name}` String `json:$.{name}`"
                for name in ("value", "path", "type", "given", "m0", "r", "o", "e")
            ),
            "    `x.y` Int8 `json:$.x.y`",
            "    `insertion_date` String `json:$.insertion_date`",
            "    `c__error` String `json:$.c__error`",
            "    `__topic` String `json:$.topic`",
            "    `__value` String `json:$`",
            "    `__deleted` Bool `json:$.__deleted`",
            "    `total` SimpleAggregateFunction(sum, UInt64) `json:$.total`",
        ]
    ),
    "datasources/other_words.datasource": file_of(
        [
            "    `n` Int `json:$.n`",
            "    `is_on` Boolean `json:$.is_on`",
            "    `at` DateTime64 `json:$.at`",
            "    `label` VARCHAR(3) `json:$.label`",
            "    `sums` Array(BIGINT) `json:$.sums[:]`",
            "    `total` SimpleAggregateFunction(max, Int) `json:$.total`",
            "    `seen` AggregateFunction(uniq, String) `json:$.seen`",
        ]
    )
    + "KAFKA_AUTO_OFFSET_RESET earliest\n",
    "datasources/wide.datasource": file_of(
        [f"    `c{number}` Nullable(Int64) `json:$.c{number}`" for number in range(200)]
    ),
    **BROKERS,
    "datasources/facts_alone.datasource": file_of(["    `__value` String", "    `__offset` Int64"])
    + "\nKAFKA_CONNECTION_NAME brokers\nKAFKA_TOPIC all\nKAFKA_GROUP_ID g\nKAFKA_STORE_RAW_VALUE True\n",
    "datasources/facts_unasked.datasource": file_of(
        [
            "    `id` String `json:$.id`",
            "    `__topic` LowCardinality(String)",
            "    `__partition` Int16",
            "    `__offset` Int64",
            "    `__timestamp` DateTime",
            "    `__key` String",
            "    `__value` String",
            "    `__headers` Map(String, String)",
        ]
    ),
    "datasources/facts.datasource": file_of(
        [
            "    `id` String `json:$.id`",
            "    `__topic` LowCardinality(String)",
            "    `__partition` Int16",
            "    `__offset` Int64",
            "    `__timestamp` DateTime",
            "    `__key` String",
            "    `__value` String",
            "    `__headers` Map(String, String)",
        ]
    )
    + "\nKAFKA_CONNECTION_NAME brokers\nKAFKA_TOPIC clicks\nKAFKA_GROUP_ID g\n"
    + "KAFKA_STORE_RAW_VALUE True\nKAFKA_STORE_HEADERS True\n",
}


@pytest.mark.parametrize("name", ["facts", "facts_unasked"])
def test_facts_that_the_schema_declares_are_ordinary_columns(mapped: Mapped, name: str) -> None:
    # With KAFKA_ lines value and headers are asked for there; without them the columns themselves ask.
    offsets = mapped.insert(name, [b'{"id":"i"}', b"broken"], key="k", headers={"h": "v"})
    columns = "* EXCEPT (__timestamp), toUnixTimestamp(__timestamp)"
    rows = mapped.query(f"SELECT {columns} FROM {{table}} WHERE __offset = {offsets[0]}", name)
    expected = ("i", TOPIC, PARTITION, offsets[0], "k", '{"id":"i"}', {"h": "v"}, MILLISECONDS // 1000)
    assert rows == [expected]
    hidden = f"SELECT __key, __value, __offset FROM {{table}} WHERE __offset = {offsets[1]}"
    assert mapped.query(hidden, f"{name}_quarantine") == [("k", "broken", offsets[1])]


def test_a_data_source_may_keep_nothing_but_facts(mapped: Mapped) -> None:
    offsets = mapped.insert("facts_alone", [b'{"id":"i"}', b"broken"])
    assert mapped.query("SELECT * FROM {table}", "facts_alone") == [('{"id":"i"}', offsets[0])]
    assert list(mapped.reasons("facts_alone")[offsets[1]]) == ["__value"]


def test_defaults_may_be_computed_from_any_other_column(mapped: Mapped) -> None:
    # One that comes out as NULL where there is no NULL is the type's own default, not an error that stops all rows.
    offsets = mapped.insert("computed", [b'{"text":"a"}', b"{}", b'{"text":"b","twice":"t","size":9,"kind":"k"}'])
    columns = ["text", "shout", "twice", "size", "kind"]
    rows = mapped.rows("computed", columns, offsets)
    assert [list(row.values()) for row in rows.values()] == [
        ["a", "A", "AA", "1", "a"],
        [None, "?", "??", "0", ""],
        ["b", "B", "t", "9", "k"],
    ]
    assert mapped.query("SELECT countIf(stamp > now() - 60) FROM {table}", "computed") == [(3,)]


def test_columns_may_be_called_like_anything_that_the_mapping_uses(mapped: Mapped) -> None:
    names = ("value", "path", "type", "given", "m0", "r", "o", "e", "insertion_date", "c__error")
    good = {name: f'"{name}"' for name in names} | {"x": '{"y":1}', "__deleted": "true", "total": "5", "topic": '"no"'}
    offsets = mapped.insert("odd_names", [message_of(good), message_of(good | {"r": "null", "total": "-1"})])
    expected = {name: name for name in names} | {"x.y": "1", "__deleted": "true", "total": "5", "__topic": TOPIC}
    expected["__value"] = message_of(good).decode()
    assert mapped.rows("odd_names", list(expected), offsets) == {offsets[0]: expected}
    assert list(mapped.reasons("odd_names", offsets)[offsets[1]]) == ["r", "total"]


def test_other_words_for_types_take_what_their_types_take_and_a_state_takes_nothing(mapped: Mapped) -> None:
    right = {
        "n": 2147483647,
        "is_on": True,
        "at": "2025-05-12 07:04:14.123",
        "label": "long",
        "sums": [2**40],
        "total": 7,
    }
    events = [right, {**right, "n": 2147483648}, {**right, "is_on": 1}, {**right, "seen": "anything"}]
    offsets = mapped.insert("other_words", [json.dumps(event).encode() for event in events])
    stored = mapped.rows("other_words", ["n", "is_on", "at", "label", "sums", "total"], offsets)
    row = dict(
        zip(["n", "is_on", "at", "label"], ["2147483647", "true", "2025-05-12 07:04:14.123", "long"], strict=True)
    )
    assert stored == {offset: {**row, "sums": "[1099511627776]", "total": "7"} for offset in (offsets[0], offsets[3])}
    assert {offset: list(reasons) for offset, reasons in mapped.reasons("other_words", offsets).items()} == {
        offsets[1]: ["n"],
        offsets[2]: ["is_on"],
    }
    assert mapped.query("SELECT DISTINCT finalizeAggregation(seen) FROM {table}", "other_words") == [(0,)]


def test_a_message_may_have_hundreds_of_columns(mapped: Mapped) -> None:
    offsets = mapped.insert("wide", [b'{"c7":1}', b'{"c199":"x","c0":2.5}'])
    assert mapped.rows("wide", ["c7", "c8"], offsets) == {offsets[0]: {"c7": "1", "c8": None}}
    assert list(mapped.reasons("wide", offsets)[offsets[1]]) == ["c0", "c199"]
