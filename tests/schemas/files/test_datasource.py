"""`.datasource` texts to models and problems."""

from __future__ import annotations

import pytest

from schemas.feed import feed_of, feeds_of
from schemas.files.datasource import read_data_source
from schemas.files.lines.includes import source_of
from schemas.model import DataSource, Problem

SCHEMA = "SCHEMA >\n    `a` String `json:$.a`,\n    `b` UInt8 `json:$.b`\n"


def read(text: str, environment: dict[str, str] | None = None) -> tuple[DataSource | None, list[Problem]]:
    source = source_of(text, "datasources/x.datasource", environment, fills_secrets=True)
    return read_data_source(source, "x"), source.problems


def good(text: str) -> DataSource:
    data_source, problems = read(text)
    assert problems == []
    assert data_source is not None
    return data_source


def messages(text: str, severity: str = "error") -> list[str]:
    _, problems = read(text)
    return [problem.message for problem in problems if problem.severity == severity]


def test_reads_every_instruction_of_the_current_dialect() -> None:
    data_source = good(
        'DESCRIPTION >\n    Two lines\n    of prose\n\nTOKEN app APPEND\nTOKEN "all of it" READ\nTAGS "web, mobile"\n'
        "SHARED_WITH >\n    first_workspace,\n    second_workspace\n"
        + SCHEMA
        + 'ENGINE "MergeTree"\nENGINE_PARTITION_KEY "toYYYYMM(now())"\nENGINE_SORTING_KEY "b, a"\n'
        'ENGINE_PRIMARY_KEY b\nENGINE_SAMPLING_KEY "b"\nENGINE_TTL "toDate(now()) + toIntervalDay(3)"\n'
        'ENGINE_SETTINGS "index_granularity=32"\n'
        "INDEXES >\n    INDEX one a TYPE bloom_filter(0.01) GRANULARITY 4\n    two lower(a) TYPE minmax\n"
        "FORWARD_QUERY >\n    SELECT a, b\nBACKFILL skip\n"
    )
    assert data_source.description == "Two lines\nof prose"
    assert [(token.name, token.permission) for token in data_source.tokens] == [
        ("app", "APPEND"),
        ("all of it", "READ"),
    ]
    assert data_source.tags == ("web", "mobile")
    assert data_source.shared_with == ("first_workspace", "second_workspace")
    engine = data_source.engine
    assert (engine.name, engine.partition_key, engine.sorting_key) == ("MergeTree", "toYYYYMM(now())", "b, a")
    assert (engine.primary_key, engine.sampling_key) == ("b", "b")
    assert (engine.ttl, engine.settings) == ("toDate(now()) + toIntervalDay(3)", "index_granularity=32")
    assert [(i.name, i.expression, i.type, i.granularity) for i in data_source.indexes] == [
        ("one", "a", "bloom_filter(0.01)", 4),
        ("two", "lower(a)", "minmax", None),
    ]
    assert (data_source.forward_query, data_source.backfill) == ("SELECT a, b", "skip")


def test_reads_the_kafka_lines() -> None:
    lines = "KAFKA_CONNECTION_NAME 'main'\nKAFKA_TOPIC web.events\nKAFKA_GROUP_ID birds\n"
    kafka = good(SCHEMA + lines + "KAFKA_AUTO_OFFSET_RESET 'Earliest'\nKAFKA_STORE_RAW_VALUE 'True'\n").kafka
    assert kafka is not None
    assert (kafka.connection, kafka.topic, kafka.group_id) == ("main", "web.events", "birds")
    assert (kafka.auto_offset_reset, kafka.store_raw_value, kafka.store_headers) == ("earliest", True, False)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("KAFKA_VALUE_FORMAT json_without_schema", ""),
        ("KAFKA_VALUE_FORMAT JSON_with_schema", ""),
        ("KAFKA_KEY_FORMAT string", ""),
        ("KAFKA_VALUE_FORMAT avro", "values in the format `avro` are not read"),
        ("KAFKA_VALUE_FORMAT protobuf", "values in the format `protobuf` are not read"),
        ("KAFKA_KEY_FORMAT avro", "keys in the format `avro` are not read"),
        ("KAFKA_KEY_FORMAT json_with_schema", "keys in the format `json_with_schema` are not read"),
    ],
)
def test_a_format_that_is_not_carried_out_is_a_warning(line: str, told: str) -> None:
    lines = "KAFKA_CONNECTION_NAME main\nKAFKA_TOPIC web\nKAFKA_GROUP_ID birds\n"
    source = source_of(SCHEMA + lines + line + "\n", "x.datasource", {})
    data_source = read_data_source(source, "x")
    assert data_source is not None
    assert [(p.severity, p.place.line) for p in source.problems] == (
        [("warning", (SCHEMA + lines).count("\n") + 1)] if told else []
    )
    assert all(problem.message.startswith(told) for problem in source.problems)


@pytest.mark.parametrize(
    "lines",
    [
        'engine "MergeTree"\nengine_sorting_key a',
        "ENGINE MergeTree # the plain one\nENGINE_SORTING_KEY a",
        "ENGINE 'mergetree'\nSORTING_KEY \"(a)\"",
        'ENGINE\t"MergeTree"\r\nENGINE_SORTING_KEY\t"a"\r\n',
        '# a comment\n\nENGINE "ReplicatedMergeTree()"\n-- another\nENGINE_SORTING_KEY "a"',
        "ENGINE MergeTree\nENGINE_SORTING_KEY >\n    a\n",
    ],
)
def test_writes_of_one_engine(lines: str) -> None:
    engine = good("\ufeff" + SCHEMA + lines).engine
    assert (engine.name, engine.sorting_key) == ("MergeTree", "a")


@pytest.mark.parametrize(
    ("lines", "field", "value"),
    [
        ("ENGINE ReplacingMergeTree\nENGINE_SORTING_KEY a\nENGINE_VER b", "version", "b"),
        ("ENGINE ReplacingMergeTree(b)\nENGINE_SORTING_KEY a", "version", "b"),
        ("ENGINE ReplacingMergeTree\nENGINE_SORTING_KEY a\nENGINE_VER b\nENGINE_IS_DELETED b", "is_deleted", "b"),
        ('ENGINE SummingMergeTree\nENGINE_COLUMNS "a, `b`"', "columns", ("a", "b")),
        ("ENGINE SummingMergeTree\nENGINE_SUMMING_COLUMNS b", "columns", ("b",)),
        ("ENGINE CollapsingMergeTree\nENGINE_SIGN b", "sign", "b"),
        ("ENGINE VersionedCollapsingMergeTree\nENGINE_SIGN b\nENGINE_VERSION a", "version", "a"),
        ("ENGINE Null", "name", "Null"),
    ],
)
def test_options_of_the_other_engines(lines: str, field: str, value: object) -> None:
    assert getattr(good(SCHEMA + lines).engine, field) == value


def test_a_join_table_of_classic_is_read_with_a_warning() -> None:
    text = SCHEMA + 'ENGINE Join\nENGINE_JOIN_STRICTNESS ANY\nENGINE_JOIN_TYPE LEFT\nENGINE_KEY_COLUMNS "a, b"\n'
    data_source, problems = read(text)
    assert data_source is not None
    assert data_source.engine.key_columns == ("a", "b")
    assert [problem.severity for problem in problems] == ["warning"]


def test_no_engine_is_a_plain_merge_tree() -> None:
    assert good(SCHEMA).engine.name == "MergeTree"


def test_an_empty_key_is_none() -> None:
    assert good(SCHEMA + 'ENGINE MergeTree\nENGINE_PARTITION_KEY ""\n').engine.partition_key is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ENGINE MergeTree\n", "there is no SCHEMA"),
        ("SCHEMA >\n\nENGINE MergeTree\n", "the SCHEMA has no columns"),
        ("SCHEMA a String\n", "SCHEMA must be multiline"),
        (SCHEMA + "SETTINGS a=1\n", "SETTINGS option is not allowed"),
        (SCHEMA + "TOKEN app WRITE\n", "Invalid permission: WRITE. Only READ and APPEND are supported"),
        (SCHEMA + "TOKEN app\n", "a token needs a name and a permission"),
        (SCHEMA + "SORTNG_KEY a\n", "SORTNG_KEY is not a valid option in datasource files."),
        (SCHEMA + "ENGINE ReplacingMergeTree\n", "Missing required option 'sorting_key'"),
        (SCHEMA + "ENGINE CollapsingMergeTree\n", "Missing required parameter 'sign'"),
        (SCHEMA + 'ENGINE "MergeTree\n', "the quote of ENGINE is not closed"),
        (SCHEMA + "KAFKA_TOPIC t\n", "Missing KAFKA_CONNECTION_NAME, KAFKA_GROUP_ID of the Kafka data source"),
        (
            SCHEMA + "ENGINE wadus\n",
            "Engine wadus is not supported, supported engines include: MergeTree, ReplacingMergeTree, "
            "SummingMergeTree, AggregatingMergeTree, CollapsingMergeTree, VersionedCollapsingMergeTree, Null",
        ),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    assert messages(text) == [message]


def test_a_misspelt_instruction_is_placed_shown_and_hinted_at() -> None:
    _, problems = read(SCHEMA + "ENGIN MergeTree\n")
    (problem,) = problems
    assert (str(problem.place), problem.source_line) == ("datasources/x.datasource:4:1", "ENGIN MergeTree")
    assert problem.hint == "did you mean ENGINE?"


def test_every_error_is_told_at_once() -> None:
    found = messages("SCHEMA >\n    a Strin,\n    b UInt\nENGINE wadus\nTOKEN t WRITE\nWHAT is this\n")
    assert len(found) == 5


def test_the_lines_of_imports_are_kept() -> None:
    text = (
        SCHEMA
        + "IMPORT_SERVICE 's3'\nIMPORT_BUCKET_URI s3://a/*.csv\nIMPORT_STRATEGY append\nIMPORT_SCHEDULE 0 7 * * *\n"
    )
    data_source, problems = read(text)
    assert data_source is not None
    assert data_source.others["IMPORT_SCHEDULE"] == "0 7 * * *"
    assert list(data_source.others) == ["IMPORT_SERVICE", "IMPORT_BUCKET_URI", "IMPORT_STRATEGY", "IMPORT_SCHEDULE"]
    assert problems == []  # what it leaves empty is told of the whole project


@pytest.mark.parametrize(
    "line", ["KAFKA_AUTO_OFFSET_RESET earliest", "KAFKA_STORE_RAW_VALUE True", "KAFKA_VALUE_FORMAT avro"]
)
def test_kafka_lines_that_name_no_topic_are_a_warning(line: str) -> None:
    data_source, problems = read(SCHEMA + line + "\n")
    assert data_source is not None
    assert data_source.kafka is None
    (problem,) = problems
    assert (problem.severity, problem.message.split()[0]) == ("warning", line.split()[0])
    assert "the topic of the data source's name" in problem.hint


def test_a_state_is_filled_by_no_json() -> None:
    data_source, problems = read(SCHEMA.rstrip() + ",\n    s AggregateFunction(uniq, String) `json:$.s`\n")
    assert data_source is not None
    assert (data_source.columns[-1].name, data_source.columns[-1].json_path) == ("s", None)
    assert [(problem.severity, problem.place.line) for problem in problems] == [("warning", 4)]


@pytest.mark.parametrize("line", ["VERSION 3", "DATASOURCE x", "TOKEN ci CREATE", "SOURCE somewhere"])
def test_leftovers_of_classic_are_a_warning(line: str) -> None:
    assert messages(SCHEMA + line + "\n") == []
    assert len(messages(SCHEMA + line + "\n", "warning")) == 1


def test_a_column_at_the_margin_may_be_called_like_an_instruction() -> None:
    data_source = good("SCHEMA >\na String `json:$.a`,\ntype String `json:$.type`,\nversion UInt8 `json:$.v`\n")
    assert [column.name for column in data_source.columns] == ["a", "type", "version"]


def test_a_forward_query_needs_no_indentation() -> None:
    data_source = good(SCHEMA + "FORWARD_QUERY >\nSELECT a,\ntype\n, b\nENGINE MergeTree\n")
    assert data_source.forward_query == "SELECT a,\ntype\n, b"


def test_prose_may_start_with_the_word_of_an_instruction() -> None:
    assert good("DESCRIPTION >\nOne row a visit.\nType says which.\n" + SCHEMA).description.endswith("Type says which.")


def test_a_secret_is_filled_in_and_never_shown() -> None:
    text = SCHEMA + 'ENGINE {{ tb_secret("ENGINE") }}\n'
    _, problems = read(text, {"BIRDHOUSE_SECRET_ENGINE": "hunter2"})
    (problem,) = problems
    assert "hunter2" not in repr(problem)
    assert problem.source_line == 'ENGINE {{ tb_secret("ENGINE") }}'


def test_a_secret_without_a_value_takes_its_default_or_is_an_error() -> None:
    assert good(SCHEMA + "TAGS {{ tb_secret('T', 'web') }}\n").tags == ("web",)
    _, problems = read(SCHEMA + 'TAGS {{ tb_secret("T") }}\n')
    (problem,) = problems
    assert (problem.message, problem.place.column) == ("the secret `T` has no value", 6)
    assert problem.hint.startswith("set BIRDHOUSE_SECRET_T")


def test_a_kafka_source_without_the_value_of_a_secret_waits_for_it() -> None:
    text = (
        SCHEMA + 'KAFKA_CONNECTION_NAME c\nKAFKA_TOPIC {{ tb_secret("T") }}\nKAFKA_GROUP_ID {{ tb_secret("G", "g") }}\n'
    )
    data_source, (problem,) = read(text)
    assert (problem.message, problem.severity) == ("the secret `T` has no value", "warning")
    assert data_source is not None
    assert feed_of(data_source) is not None
    assert feeds_of([data_source]) == ()
    data_source, problems = read(text, {"BIRDHOUSE_SECRET_T": "web"})
    assert data_source is not None
    assert problems == []
    (feed,) = feeds_of([data_source])
    assert (feed.topic, feed.group_id) == ("web", "g")


def test_variables_come_from_the_environment_but_none_of_the_services_secrets() -> None:
    data_source, problems = read(SCHEMA + "TAGS ${STAGE}\n", {"STAGE": "live"})
    assert data_source is not None
    assert (data_source.tags, problems) == (("live",), [])
    data_source, problems = read(SCHEMA + "TAGS ${BIRDHOUSE_SECRET}\n", {"BIRDHOUSE_SECRET": "hunter2"})
    assert data_source is None
    assert "hunter2" not in repr(problems)


def test_what_an_import_from_dynamodb_adds_is_a_column_where_the_engine_names_it() -> None:
    engine = "ENGINE ReplacingMergeTree\nENGINE_SORTING_KEY a\nENGINE_VER _timestamp\nENGINE_IS_DELETED _is_deleted\n"
    data_source, _ = read(SCHEMA + engine + "IMPORT_CONNECTION_NAME c\nIMPORT_TABLE_ARN arn\n")
    assert data_source is not None
    assert [(column.name, column.default) for column in data_source.columns[2:]] == [
        ("_timestamp", "now64(3)"),
        ("_is_deleted", "0"),
    ]
    data_source, _ = read(SCHEMA + engine + "IMPORT_CONNECTION_NAME c\n")
    assert data_source is not None
    assert len(data_source.columns) == 2
