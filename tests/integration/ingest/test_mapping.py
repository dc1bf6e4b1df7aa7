"""How a message becomes a row, or comes into quarantine: every type and every kind of bad input on real engines."""

from __future__ import annotations

import gzip
import json
import random
import uuid
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.sql.text import literal
from tests.schemas.mapping.engines import ENGINES, connector
from tests.schemas.mapping.mapped import MILLISECONDS, OWNER, PARTITION, TOPIC, Mapped, project_of
from tests.schemas.mapping.samples.all import SAMPLES


def _columns(kind: str) -> list[str]:
    """A column of each type, `c0` and so on; `kind` is what the file says about missing values."""
    lines = []
    for number, sample in enumerate(SAMPLES):
        if kind == "nullable" and (sample.is_container or sample.type.startswith("LowCardinality")):
            continue
        written = f"Nullable({sample.type})" if kind == "nullable" else sample.type
        default = f" DEFAULT {sample.default[0]}" if kind == "defaulted" else ""
        lines.append(f"    `c{number}` {written} `json:$.c{number}`{default}")
    return lines


def _file(lines: list[str]) -> str:
    return "SCHEMA >\n" + ",\n".join(lines) + "\n"


SHAPES = [
    "    `name` String `json:$.name`",
    "    `count` Int32 `json:$.count`",
    "    `tags` Array(String) `json:$.tags[:]` DEFAULT ['none']",
    "    `item_ids` Array(String) `json:$.items[:].id` DEFAULT []",
    "    `item_counts` Array(Nullable(Int32)) `json:$.items[:].n.count` DEFAULT []",
    "    `nested_text` Nullable(String) `json:$.nested`",
    "    `nested_count` Nullable(Int64) `json:$.nested.count`",
    "    `nested_deep` Nullable(String) `json:$.nested.a.b`",
    "    `dashed` Nullable(String) `json:$.['a-b']`",
    "    `numbered` Nullable(Int32) `json:$.nested.7`",
    "    `label` LowCardinality(Nullable(String)) `json:$.label`",
    "    `whole` String `json:$`",
    "    `document` JSON `json:$`",
    "    `part` JSON `json:$.part` DEFAULT '{}'",
    "    `loud` String DEFAULT concat(name, '!')",
    "    `at` Nullable(DateTime) `json:$.at` DEFAULT '2020-01-02 03:04:05'",
]
SHAPE_COLUMNS = [line.split("`")[1] for line in SHAPES]
FILES = {
    "datasources/required.datasource": _file(_columns("required")),
    "datasources/nullable.datasource": _file(_columns("nullable")),
    "datasources/defaulted.datasource": _file(_columns("defaulted")),
    "datasources/shapes.datasource": _file(SHAPES) + '\nENGINE "MergeTree"\nENGINE_SORTING_KEY "name"\n',
    "datasources/lenient.datasource": _file(
        ["    `a` Nullable(String) `json:$.a`", "    `b` Int8 `json:$.b` DEFAULT 1"]
    ),
    "datasources/raw.datasource": _file(["    `whole` String `json:$`"]),
    "datasources/computed.datasource": _file(
        [
            "    `text` Nullable(String) `json:$.text`",
            "    `shout` String DEFAULT upper(ifNull(text, '?'))",
            "    `twice` String `json:$.twice` DEFAULT concat(shout, shout)",
            "    `size` Int32 `json:$.size` DEFAULT length(text)",
            "    `kind` LowCardinality(String) `json:$.kind` DEFAULT text",
            "    `stamp` DEFAULT now()",
        ]
    ),
    "datasources/odd_names.datasource": _file(
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
    "datasources/other_words.datasource": _file(
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
    "datasources/wide.datasource": _file(
        [f"    `c{number}` Nullable(Int64) `json:$.c{number}`" for number in range(200)]
    ),
    "datasources/facts_alone.datasource": _file(["    `__value` String", "    `__offset` Int64"])
    + "\nKAFKA_CONNECTION_NAME brokers\nKAFKA_TOPIC all\nKAFKA_GROUP_ID g\nKAFKA_STORE_RAW_VALUE True\n",
    "connections/brokers.connection": "TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS localhost:9092\n",
    "datasources/framed.datasource": _file(
        [
            "    `id` Int32 `json:$.id`",
            "    `note` Nullable(String) `json:$.note` DEFAULT 'none'",
            "    `whole` String `json:$`",
            "    `__value` String",
        ]
    )
    + "\nKAFKA_CONNECTION_NAME brokers\nKAFKA_TOPIC framed\nKAFKA_GROUP_ID g\nKAFKA_STORE_RAW_VALUE True\n"
    + "KAFKA_VALUE_FORMAT json_with_schema\n",
    "datasources/facts_unasked.datasource": _file(
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
    "datasources/facts.datasource": _file(
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


@pytest.fixture(scope="module", params=ENGINES)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    client = connector(request)()
    yield client
    client.close()


@pytest.fixture(scope="module")
def mapped(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapped]:
    """All data sources of this module, deployed into a database of their own."""
    project = project_of(tmp_path_factory.mktemp("project"), FILES)
    mapped = Mapped(client, f"test_{uuid.uuid4().hex}", project)
    mapped.deploy()
    yield mapped
    mapped.drop()


def _message(values: dict[str, str]) -> bytes:
    """A JSON object from JSON texts, as they are."""
    return ("{" + ",".join(f"{json.dumps(key)}:{text}" for key, text in values.items()) + "}").encode()


# -- every type -------------------------------------------------------------------------------------------------

GOOD = {f"c{number}": next(iter(sample.takes)) for number, sample in enumerate(SAMPLES)}


def test_every_type_stores_what_it_takes(mapped: Mapped) -> None:
    cases = [(f"c{number}", *pair) for number, sample in enumerate(SAMPLES) for pair in sample.takes.items()]
    offsets = mapped.insert("required", [_message(GOOD | {column: text}) for column, text, _ in cases])
    assert mapped.reasons("required", offsets) == {}
    rows = mapped.rows("required", list(GOOD), offsets)
    stored = [rows[offset][column] for offset, (column, _, _) in zip(offsets, cases, strict=True)]
    assert stored == [shown for _, _, shown in cases]


@pytest.mark.parametrize("kind", ["required", "nullable", "defaulted"])
def test_every_type_refuses_what_it_does_not_take(mapped: Mapped, kind: str) -> None:
    kept = {column.name for column in mapped.project.data_sources[kind].columns}
    cases = [
        (f"c{number}", sample.type, text)
        for number, sample in enumerate(SAMPLES)
        for text in sample.refuses
        if f"c{number}" in kept
    ]
    offsets = mapped.insert(kind, [_message(GOOD | {column: text}) for column, _, text in cases])
    stored = mapped.rows(kind, [], offsets)
    assert [case for offset, case in zip(offsets, cases, strict=True) if offset in stored] == []
    reasons = mapped.reasons(kind, offsets)
    for offset, (column, type_text, text) in zip(offsets, cases, strict=True):
        assert list(reasons[offset]) == [column], (type_text, text)
        assert reasons[offset][column].startswith("Strict type checking failed. Value "), (type_text, text)
        assert reasons[offset][column].endswith(f"While accessing jsonpath '$.{column}'")


def test_what_is_required_and_missing_or_null_says_so(mapped: Mapped) -> None:
    messages = [_message({key: text for key, text in GOOD.items() if key != column}) for column in GOOD]
    messages += [_message(GOOD | {column: "null"}) for column in GOOD]
    offsets = mapped.insert("required", messages)
    reasons = list(mapped.reasons("required", offsets).values())
    advice = "you should send a value or recreate the table with a Nullable column type. While accessing jsonpath"
    failed = "Strict type checking failed."
    missing = [{c: f"{failed} Object does not have column '{c}', {advice} '$.{c}'"} for c in GOOD]
    null = [{c: f"{failed} Column '{c}' is null, {advice} '$.{c}'"} for c in GOOD]
    assert sorted(map(str, reasons)) == sorted(map(str, missing + null))


@pytest.mark.parametrize("sent", [b"{}", b'{"other": 1}', _message(dict.fromkeys(GOOD, "null"))])
def test_nullable_columns_store_null_for_missing_and_null(mapped: Mapped, sent: bytes) -> None:
    offsets = mapped.insert("nullable", [sent])
    columns = [column.name for column in mapped.project.data_sources["nullable"].columns]
    assert mapped.rows("nullable", columns, offsets)[offsets[0]] == dict.fromkeys(columns)


@pytest.mark.parametrize("sent", [b"{}", _message(dict.fromkeys(GOOD, "null"))])
def test_defaults_stand_in_for_missing_and_null(mapped: Mapped, sent: bytes) -> None:
    offsets = mapped.insert("defaulted", [sent])
    expected = {f"c{number}": sample.default[1] for number, sample in enumerate(SAMPLES)}
    assert mapped.rows("defaulted", list(expected), offsets)[offsets[0]] == expected


# -- paths ------------------------------------------------------------------------------------------------------

DEFAULTS = {
    "name": "n",
    "count": "1",
    "tags": "['none']",
    "item_ids": "[]",
    "item_counts": "[]",
    "nested_text": None,
    "nested_count": None,
    "nested_deep": None,
    "dashed": None,
    "numbered": None,
    "label": None,
    "loud": "n!",
    "at": "2020-01-02 03:04:05",
    "part": "{}",
}
STORED: list[tuple[str, dict[str, str | None]]] = [
    ("{}", {}),
    ('{"tags":["a","b"]}', {"tags": "['a','b']"}),
    ('{"tags":[]}', {"tags": "[]"}),
    ('{"tags":null}', {}),
    ('{"items":[{"id":"p","n":{"count":1}},{"id":2}]}', {"item_ids": "['p','2']", "item_counts": "[1,NULL]"}),
    ('{"items":[]}', {}),
    ('{"items":null}', {}),
    (
        '{"nested":{"count":5,"a":{"b":"deep"},"7":8}}',
        {
            "nested_text": '{"count":5,"a":{"b":"deep"},"7":8}',
            "nested_count": "5",
            "nested_deep": "deep",
            "numbered": "8",
        },
    ),
    # A parent that is no object has no keys: it is not filled by position, and not read again as JSON.
    ('{"nested":[1,2]}', {"nested_text": "[1,2]"}),
    ('{"nested":[{"count":1}]}', {"nested_text": '[{"count":1}]'}),
    ('{"nested":"{\\"count\\":1}"}', {"nested_text": '{"count":1}'}),
    ('{"nested":7}', {"nested_text": "7"}),
    ('{"nested":{"a":["x"]}}', {"nested_text": '{"a":["x"]}'}),
    ('{"nested":{"a":{"b":[1]}}}', {"nested_text": '{"a":{"b":[1]}}', "nested_deep": "[1]"}),
    ('{"a-b":"dash","a":{"b":1}}', {"dashed": "dash"}),
    ('{"label":"l"}', {"label": "l"}),
    # NULL is a value of a Nullable column, so that its DEFAULT stands in for a missing key alone.
    ('{"at":null}', {"at": None}),
    ('{"at":"2025-05-12T07:04:14Z"}', {"at": "2025-05-12 07:04:14"}),
    # Unknown keys, also those called like our own columns, are no columns.
    ('{"unknown":1,"__offset":99,"__in_offset":99,"__is_right":0,"__parsed_count":5,"loud":"no"}', {}),
    ('{"name":"x\'); DROP TABLE t; --"}', {"name": "x'); DROP TABLE t; --", "loud": "x'); DROP TABLE t; --!"}),
    ('{"part":{"a":{"b":[1]}}}', {"part": '{"a":{"b":[1]}}'}),
    ('{"part":null}', {}),
]
REFUSED: list[tuple[str, dict[str, str]]] = [
    ('{"tags":"[1]"}', {"tags": '"[1]"'}),
    ('{"tags":{"0":"a"}}', {"tags": '{"0":"a"}'}),
    ('{"tags":[null]}', {"tags": "[null]"}),
    ('{"items":[{"id":"p"},{}]}', {"item_ids": '[{"id":"p"},{}]'}),
    ('{"items":["p"]}', {"item_ids": '["p"]'}),
    ('{"items":{"id":"p"}}', {"item_ids": '{"id":"p"}', "item_counts": '{"id":"p"}'}),
    ('{"items":[{"id":"p","n":{"count":"1"}}]}', {"item_counts": '[{"id":"p","n":{"count":"1"}}]'}),
    ('{"nested":{"count":[1]}}', {"nested_count": "[1]"}),
    ('{"nested":{"count":9223372036854775808}}', {"nested_count": "9223372036854775808"}),
    ('{"part":[1]}', {"part": "[1]"}),
    ('{"part":"{}"}', {"part": '"{}"'}),
    ('{"count":"3","at":"yesterday"}', {"count": '"3"', "at": '"yesterday"'}),
]


def _shape(text: str) -> bytes:
    """The message with a name and a count, unless it has its own."""
    own = json.loads(text)
    parts = [f'"{key}":{value}' for key, value in (("name", '"n"'), ("count", "1")) if key not in own]
    return ("{" + ",".join([*parts, *filter(None, [text[1:-1]])]) + "}").encode()


def test_paths_find_what_they_say(mapped: Mapped) -> None:
    messages = [_shape(text) for text, _ in STORED]
    offsets = mapped.insert("shapes", messages)
    assert mapped.reasons("shapes", offsets) == {}
    rows = mapped.rows("shapes", [*DEFAULTS, "whole"], offsets)
    for offset, message, (text, expected) in zip(offsets, messages, STORED, strict=True):
        assert rows[offset] == DEFAULTS | expected | {"whole": message.decode()}, text


def test_what_does_not_fit_a_path_is_quoted_in_the_reason(mapped: Mapped) -> None:
    offsets = mapped.insert("shapes", [_shape(text) for text, _ in REFUSED])
    assert mapped.rows("shapes", [], offsets) == {}
    reasons = mapped.reasons("shapes", offsets)
    for offset, (text, expected) in zip(offsets, REFUSED, strict=True):
        assert list(reasons[offset]) == list(expected), text
        for column, value in expected.items():
            assert reasons[offset][column].startswith(f"Strict type checking failed. Value {value} of column"), text


def test_a_json_column_keeps_the_whole_document(mapped: Mapped) -> None:
    offsets = mapped.insert("shapes", [b'{"name":"n","count":1,"extra":{"deep":["x"]}}'])
    sql = f"SELECT document.extra.deep, JSONAllPaths(document) FROM {{table}} WHERE __offset = {offsets[0]}"
    ((deep, paths),) = mapped.query(sql, "shapes")
    assert (deep, sorted(paths)) == (["x"], ["count", "extra.deep", "name"])


# -- messages that are no object --------------------------------------------------------------------------------

WHOLE: list[tuple[str, bytes, str]] = [
    ("empty, as a tombstone", b"", "the message is empty"),
    ("blank", b" \n\t", "the message is not valid JSON"),
    ("no JSON", b"hello", "the message is not valid JSON"),
    ("cut off", b'{"name":"n","count":1', "the message is not valid JSON"),
    ("trailing comma", b'{"name":"n","count":1,}', "the message is not valid JSON"),
    ("NaN", b'{"name":"n","count":NaN}', "the message is not valid JSON"),
    ("single quotes", b"{'name':'n','count':1}", "the message is not valid JSON"),
    ("an array", b'[{"name":"n","count":1}]', "the message is a JSON array, not an object"),
    ("a string", b'"{}"', "the message is a JSON string, not an object"),
    ("a number", b"5", "the message is a JSON int64, not an object"),
    ("null", b"null", "the message is a JSON null, not an object"),
    ("true", b"true", "the message is a JSON bool, not an object"),
    ("invalid UTF-8", b'{"name":"\xff","count":1}', "the message is not valid UTF-8"),
    ("a lone surrogate", b'{"name":"\\ud83d","count":1}', "the message is not valid JSON"),
    ("a lone low surrogate", b'{"name":"\\udc00","count":1}', "the message is not valid JSON"),
    (
        "2,000 levels deep",
        b'{"name":"n","count":1,"deep":' + b"[" * 2000 + b"]" * 2000 + b"}",
        "the message is not valid JSON, or nests deeper than 1,022 levels",
    ),
    ("two objects", b'{"name":"n","count":1} {"name":"second","count":2}', "the message is not valid JSON"),
    ("two lines", b'{"name":"n","count":1}\n{"name":"second","count":2}', "the message is not valid JSON"),
    ("a value behind it", b'{"name":"n","count":1},5', "the message is not valid JSON"),
    ("a second row in TSV", b'{"name":"n","count":1}\tx\n\\N', "the message is not valid JSON"),
    ("NUL behind it", b'{"name":"n","count":1}\0', "the message is not valid JSON"),
]


@pytest.mark.parametrize("name", ["shapes", "lenient", "raw", "defaulted"])
def test_what_is_no_object_is_quarantined_whole_and_its_neighbours_are_stored(mapped: Mapped, name: str) -> None:
    good = b'{"name":"good","count":1}'
    messages = [message for _, bad, _ in WHOLE for message in (bad, good)]
    offsets = mapped.insert(name, messages)
    assert list(mapped.rows(name, [], offsets)) == list(offsets[1::2])
    reasons = mapped.reasons(name, offsets)
    for offset, (what, _, reason) in zip(offsets[::2], WHOLE, strict=True):
        assert list(reasons[offset]) == ["__value"], what
        assert reasons[offset]["__value"].startswith(reason), what
    raw = mapped.query(
        f"SELECT hex(__value) FROM {{table}} WHERE __offset >= {offsets[0]} ORDER BY __offset", f"{name}_quarantine"
    )
    assert [bytes.fromhex(str(text)) for (text,) in raw] == [bad for _, bad, _ in WHOLE]


@pytest.mark.parametrize("message", [b' \n {"name":"n","count":1} \r\n', b'{\n  "name": "n",\n  "count": 1\n}'])
def test_white_space_around_and_within_a_message_means_nothing(mapped: Mapped, message: bytes) -> None:
    offsets = mapped.insert("shapes", [message])
    assert mapped.rows("shapes", ["name"], offsets) == {offsets[0]: {"name": "n"}}


def test_a_message_may_nest_1022_levels(mapped: Mapped) -> None:
    deep, deeper = (b'{"deep":' + b"[" * levels + b"1" + b"]" * levels + b"}" for levels in (1022, 1023))
    offsets = mapped.insert("raw", [deep, deeper])
    assert mapped.rows("raw", ["whole"], offsets) == {offsets[0]: {"whole": deep.decode()}}


def test_a_message_of_ten_megabytes_is_a_message(mapped: Mapped) -> None:
    text = "x" * 10_000_000
    offsets = mapped.insert("shapes", [_message({"name": f'"{text}"', "count": "1"}), _message({"name": f'"{text}"'})])
    size = f"SELECT length(name) FROM {{table}} WHERE __offset = {offsets[0]}"
    assert mapped.query(size, "shapes") == [(len(text),)]
    assert list(mapped.reasons("shapes", offsets)) == [offsets[1]]


def test_the_first_of_two_equal_keys_wins_but_a_json_column_takes_no_such_object(mapped: Mapped) -> None:
    twice = b'{"name":"n","count":1,"a":"first","a":"second","b":3,"b":"x"}'
    offsets = mapped.insert("lenient", [twice])
    assert mapped.rows("lenient", ["a", "b"], offsets)[offsets[0]] == {"a": "first", "b": "3"}
    offsets = mapped.insert("shapes", [twice])
    assert list(mapped.reasons("shapes", offsets)[offsets[0]]) == ["document"]


def test_a_data_source_where_nothing_is_required_stores_an_empty_object(mapped: Mapped) -> None:
    offsets = mapped.insert("lenient", [b"{}", b'{"a":null,"b":null}', b'{"b":"1"}'])
    expected = {"a": None, "b": "1"}
    assert mapped.rows("lenient", ["a", "b"], offsets) == {offsets[0]: expected, offsets[1]: expected}
    assert list(mapped.reasons("lenient", offsets)) == [offsets[2]]


# -- what a row is beside its columns ---------------------------------------------------------------------------


def test_select_star_shows_the_documented_columns_alone(mapped: Mapped) -> None:
    result = mapped.client.query(f"SELECT * FROM `{mapped.database}`.shapes LIMIT 0")
    assert list(result.column_names) == SHAPE_COLUMNS


def test_provenance_is_stored_out_of_sight(mapped: Mapped) -> None:
    offsets = mapped.insert("shapes", [_shape("{}"), b"broken"])
    provenance = "SELECT __topic, __partition, __offset, toUnixTimestamp64Milli(__timestamp)"
    for table, offset in (("shapes", offsets[0]), ("shapes_quarantine", offsets[1])):
        rows = mapped.query(f"{provenance} FROM {{table}} WHERE __offset = {offset}", table)
        assert rows == [(TOPIC, PARTITION, offset, MILLISECONDS)]


def test_quarantine_has_the_layout_of_tinybird(mapped: Mapped) -> None:
    result = mapped.client.query(f"SELECT * FROM `{mapped.database}`.shapes_quarantine LIMIT 0")
    assert list(result.column_names) == [
        *("c__error_column", "c__error", "c__import_id"),
        *SHAPE_COLUMNS,
        "insertion_date",
    ]
    offsets = mapped.insert("shapes", [b'{"name":"n","count":"3","nested":{"count":5}}'])
    columns = "c__error_column, c__import_id, name, count, nested_text, nested_count, tags, insertion_date > now() - 60"
    rows = mapped.query(f"SELECT {columns} FROM {{table}} WHERE __offset = {offsets[0]}", "shapes_quarantine")
    assert rows == [(["count"], None, "n", "3", '{"count":5}', "5", None, 1)]


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


FRAME = b"\0\0\0\x01\x07"  # of the schema 263


@pytest.mark.parametrize("behind", [b'{"id":1,"note":null}', b'{"id":1}', b' {"id": 1, "note": "n"}'])
def test_the_frame_of_a_schema_registry_is_skipped_where_the_file_says_so(mapped: Mapped, behind: bytes) -> None:
    offsets = mapped.insert("framed", [FRAME + behind, behind, FRAME + b'{"id":"x"}', FRAME + behind])
    note = {b"null": None, b"n": "n"}.get(behind[-5:-1] if b"null" in behind else behind[-3:-2], "none")
    row = {"id": "1", "note": note, "whole": behind.decode()}
    values = [FRAME + behind, behind, FRAME + behind]
    expected = [row | {"__value": value.decode()} for value in values]
    assert list(mapped.rows("framed", ["id", "note", "whole", "__value"], offsets).values()) == expected
    wrong = mapped.reasons("framed", offsets)
    assert list(wrong) == [offsets[2]]
    assert wrong[offsets[2]]["id"].startswith('Strict type checking failed. Value "x" of column')
    raw = f"SELECT hex(__value), id FROM {{table}} WHERE __offset = {offsets[2]}"
    assert mapped.query(raw, "framed_quarantine") == [((FRAME + b'{"id":"x"}').hex().upper(), "x")]


FRAMED_REASONS: list[tuple[str, bytes, str]] = [
    (
        "shapes",
        FRAME + b'{"name":"n","count":1}',
        "schema, 263); what is behind is JSON: set KAFKA_VALUE_FORMAT json_with_schema",
    ),
    ("shapes", FRAME + b"\x02\x10name", "schema, 263), and what is behind is no JSON: Avro and Protobuf are not read"),
    ("shapes", b"\0\0\0\x01\x07\0\x02{", "schema, 263), and what is behind is no JSON"),
    ("framed", FRAME + b"\x02\x10name", "schema, 263), and what is behind is no JSON"),
    ("framed", FRAME, "is not valid JSON"),
    ("framed", b"", "is empty"),
    ("framed", FRAME + FRAME + b"{}", "and what is behind is no JSON"),
    ("framed", FRAME + b"[1]", "the message is a JSON array"),
    ("framed", b"hello", "is not valid JSON"),
    ("shapes", b"\0", "is not valid JSON"),
    ("shapes", gzip.compress(b"{}", mtime=0), "compressed by its producer's own code (gzip)"),
    ("framed", gzip.compress(b"{}", mtime=0), "compressed by its producer's own code (gzip)"),
    ("shapes", b"\x28\xb5\x2f\xfd\x04\x00", "compressed by its producer's own code (zstd)"),
]


@pytest.mark.parametrize(("name", "message", "reason"), FRAMED_REASONS)
def test_bytes_that_are_no_json_say_what_they_are(mapped: Mapped, name: str, message: bytes, reason: str) -> None:
    offsets = mapped.insert(name, [message])
    told = mapped.reasons(name, offsets)[offsets[0]]
    assert list(told) == ["__value"]
    assert reason in told["__value"]
    raw = f"SELECT hex(__value) FROM {{table}} WHERE __offset = {offsets[0]}"
    assert mapped.query(raw, f"{name}_quarantine") == [(message.hex().upper(),)]


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
    offsets = mapped.insert("odd_names", [_message(good), _message(good | {"r": "null", "total": "-1"})])
    expected = {name: name for name in names} | {"x.y": "1", "__deleted": "true", "total": "5", "__topic": TOPIC}
    expected["__value"] = _message(good).decode()
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


# -- rules over many messages -----------------------------------------------------------------------------------

NEIGHBOURS = [
    *(_shape(text) for text, _ in STORED),
    *(_shape(text) for text, _ in REFUSED),
    *(message for _, message, _ in WHOLE),
]
TYPED_NEIGHBOURS = [
    _message({f"c{number}": text})
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
    for _ in range(8):
        some = chance.sample(messages, chance.randint(1, len(messages)))
        assert outcomes(some) == {message: together[message] for message in some}


def test_the_same_token_stores_once_in_events_and_quarantine(mapped: Mapped) -> None:
    messages = [_shape("{}"), b"broken", _shape('{"count":"3"}')]
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
        mapped.insert("shapes", [_shape("{}")], first=1_000_000, owner=owner)
    assert raised.value.code == 469
    assert mapped.query("SELECT count() FROM {table} WHERE __offset >= 1000000", "shapes") == [(0,)]
