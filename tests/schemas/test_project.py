"""Folders to projects, and every problem of all files at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from schemas.errors import ProjectError
from schemas.model import Endpoint, Problem, Project
from schemas.own_names import DATABASE_TABLES
from schemas.project import EXAMPLE_PROJECT, load_project

SCHEMA = "SCHEMA >\n    `a` String `json:$.a`,\n    `b` Nullable(UInt8) `json:$.b`\n"
PIPE = "NODE n\nSQL >\n    SELECT 1\n"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return folder


def load(folder: Path, files: Mapping[str, str], **environment: str) -> Project:
    return load_project(write(folder, files), environment=environment)


def problems_of(folder: Path, files: Mapping[str, str], **environment: str) -> tuple[Problem, ...]:
    with pytest.raises(ProjectError) as caught:
        load(folder, files, **environment)
    return caught.value.problems


def test_the_example_project_is_what_the_documentation_says() -> None:
    project = load_project(EXAMPLE_PROJECT, environment={})
    events = project.data_sources["events"]
    assert {column.name: column.type.text for column in events.columns if column.type} == {
        **dict.fromkeys(("event_id", "event_type", "user_id", "session_id"), "String"),
        "timestamp": "DateTime",
        **dict.fromkeys(("platform", "app_version", "device_type", "os", "country", "properties"), "String"),
    }
    assert [column.json_path.text for column in events.columns if column.json_path] == [
        f"$.{column.name}" for column in events.columns
    ]
    assert all(column.default is None for column in events.columns)
    engine = events.engine
    assert (engine.name, engine.partition_key) == ("MergeTree", "toYYYYMM(timestamp)")
    assert engine.sorting_key == "timestamp, event_type, user_id"
    assert [(token.name, token.permission) for token in events.tokens] == [("app", "APPEND")]
    assert list(project.pipes) == ["event_stats", "get_events", "user_activity"]
    for pipe in project.pipes.values():
        assert pipe.endpoint is not None
        assert [(token.name, token.permission) for token in pipe.tokens] == [("dashboard", "READ")]
    assert project.warnings == ()


def test_any_layout_is_read(tmp_path: Path) -> None:
    files = {
        "a.datasource": SCHEMA,
        "deep/er/shared.b.datasource": SCHEMA,
        "endpoints/answers.pipe": PIPE,
        "elsewhere/view.pipe": PIPE,
        "connections/main.connection": "TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS localhost:9092\n",
        ".tinyb/hidden.datasource": "no",
        "node_modules/other.pipe": "no",
        "notes.txt": "no",
    }
    project = load(tmp_path, files)
    assert sorted(project.data_sources) == ["a", "shared.b"]
    assert project.pipes["answers"].nodes[0].kind == Endpoint()
    assert project.pipes["view"].nodes[0].kind is None
    assert project.connections["main"].settings == {"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092"}


def test_what_another_workspace_shares_has_its_name_before_it(tmp_path: Path) -> None:
    assert list(load(tmp_path, {"vendor/web/datasources/a.datasource": SCHEMA}).data_sources) == ["web.a"]


def test_every_problem_of_every_file_is_told_in_order(tmp_path: Path) -> None:
    files = {
        "z.datasource": "SCHEMA >\n    a Strin,\n    b UInt\n",
        "a.datasource": SCHEMA + "ENGINE MergeTree\nENGINE_SORTING_KEY nothing\n",
        "p.pipe": "NODE n\n",
        "c.connection": "KEY x\n",
    }
    problems = problems_of(tmp_path, files)
    assert [str(problem.place) for problem in problems if problem.severity == "error"] == [
        "a.datasource:4:1",
        "c.connection:1:1",
        "c.connection:1:1",
        "p.pipe:1:1",
        "z.datasource:2:7",
        "z.datasource:3:7",
    ]


def test_names_are_taken_once(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, {"one/x.datasource": SCHEMA, "two/x.pipe": PIPE})
    assert "the name `x` is taken by one/x.datasource" in problem.message


def test_a_file_that_is_there_twice_is_a_warning(tmp_path: Path) -> None:
    (problem,) = load(tmp_path, {"one/x.pipe": PIPE, "two/x.pipe": PIPE + "\n"}).warnings
    assert problem.message.startswith("the file says the same as ")
    (problem,) = problems_of(tmp_path, {"one/y.pipe": PIPE, "endpoints/y.pipe": PIPE})[:1]
    assert "the name `y` is taken by" in problem.message


@pytest.mark.parametrize("name", ["x_quarantine", "x_landing", "x_store", *DATABASE_TABLES])
@pytest.mark.parametrize("kind", ["datasource", "pipe"])
def test_the_names_of_our_own_tables_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    text = PIPE if kind == "pipe" else SCHEMA
    (problem,) = problems_of(tmp_path, {"x.datasource": SCHEMA, f"{name}.{kind}": text})
    assert problem.place.file == f"{name}.{kind}"
    assert f"the name `{name}` is that of " in problem.message
    assert problem.hint != ""


@pytest.mark.parametrize("name", ["tinybird.pipe_stats_rt", "Tinybird.mine", "organization.x", "system.query_log"])
def test_the_names_of_service_data_sources_are_refused(tmp_path: Path, name: str) -> None:
    (problem,) = problems_of(tmp_path, {f"{name}.datasource": SCHEMA})
    assert "are those of service data sources" in problem.message


def test_names_that_differ_by_case_alone_are_two_with_a_warning(tmp_path: Path) -> None:
    project = load(tmp_path, {"Clicks.datasource": SCHEMA, "clicks.pipe": PIPE, "other.pipe": PIPE})
    (problem,) = project.warnings
    assert (problem.place.file, problem.message) == (
        "clicks.pipe",
        "the name `clicks` differs from that of Clicks.datasource by its case alone",
    )
    assert (list(project.data_sources), sorted(project.pipes)) == (["Clicks"], ["clicks", "other"])


@pytest.mark.parametrize(
    ("indexes", "message"),
    [
        (["__offset_range"], "the name `__offset_range` is one of Birdhouse's own"),
        (["i", "i"], "the index `i` is declared twice"),
    ],
)
def test_names_of_indexes_that_clickhouse_would_refuse(tmp_path: Path, indexes: list[str], message: str) -> None:
    lines = "".join(f"    {name} a TYPE minmax\n" for name in indexes)
    (problem,) = problems_of(tmp_path, {"x.datasource": f"{SCHEMA}INDEXES >\n{lines}"})
    assert problem.message == message


@pytest.mark.parametrize("name", ["__topic_id", "__in_offset", "__is_right", "__parsed_a", "__leaf_0"])
def test_the_names_of_our_own_columns_are_refused_where_events_come(tmp_path: Path, name: str) -> None:
    (problem,) = problems_of(tmp_path, {"x.datasource": SCHEMA.rstrip() + f",\n    {name} String `json:$.x`\n"})
    assert problem.message == f"the name `{name}` is one of Birdhouse's own"


def test_a_version_in_the_sorting_key_is_a_warning(tmp_path: Path) -> None:
    lines = "ENGINE ReplacingMergeTree\nENGINE_SORTING_KEY a\nENGINE_VER a"
    (problem,) = load(tmp_path, {"x.datasource": SCHEMA + lines}).warnings
    assert problem.message == "ENGINE_VER 'a' is in the sorting key of a ReplacingMergeTree"
    assert problem.source_line == "ENGINE ReplacingMergeTree"


@pytest.mark.parametrize(
    "file",
    ["back`tick.pipe", "{x}.pipe", "50%.pipe", f"{'x' * 200}.pipe", "with space.datasource", "ünïcode.datasource"],
)
def test_names_that_no_table_topic_or_address_can_have(tmp_path: Path, file: str) -> None:
    (problem,) = problems_of(tmp_path, {file: PIPE if file.endswith("pipe") else SCHEMA})
    assert "cannot be the name" in problem.message


@pytest.mark.parametrize("file", ["daily (1).pipe", "ünïcode.pipe", "daily (1).datasource"])
def test_names_that_must_be_quoted_are_taken_with_a_warning(tmp_path: Path, file: str) -> None:
    (problem,) = load(tmp_path, {file: PIPE if file.endswith("pipe") else "SCHEMA >\n    a String\n"}).warnings
    assert "has to be quoted in SQL" in problem.message


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "ENGINE MergeTree\nENGINE_SORTING_KEY c",
            "the sorting key names the column `c`, which the schema does not have",
        ),
        ("ENGINE MergeTree\nENGINE_PARTITION_KEY toDate(c)", "the partition key names the column `c`, which"),
        ("ENGINE MergeTree\nENGINE_TTL c + toIntervalDay(1)", "the TTL names the column `c`, which"),
        ("ENGINE ReplacingMergeTree\nENGINE_SORTING_KEY a\nENGINE_VER c", "'c' column is not present in schema"),
        ("ENGINE SummingMergeTree\nENGINE_COLUMNS c", "'c' column is not present in schema"),
        (
            "ENGINE MergeTree\nENGINE_SORTING_KEY b",
            "Sorting key contains nullable column 'b'. Nullable columns cannot be used in sorting keys.",
        ),
        ("ENGINE MergeTree\nENGINE_SORTING_KEY max(a)", "Sorting key contains the aggregate function 'max'"),
    ],
)
def test_an_engine_has_to_fit_its_columns(tmp_path: Path, lines: str, message: str) -> None:
    (problem,) = problems_of(tmp_path, {"x.datasource": SCHEMA + lines})
    assert problem.message.startswith(message)
    assert problem.source_line.startswith("ENGINE ")


@pytest.mark.parametrize(
    "lines",
    [
        "ENGINE_SORTING_KEY a, cityHash64(a)\nENGINE_TTL now() + INTERVAL 1 DAY DELETE WHERE anything = 1",
        "ENGINE_SORTING_KEY coalesce(b, 0), a",
        "ENGINE_SORTING_KEY b\nENGINE_SETTINGS allow_nullable_key=1",
        "ENGINE_PARTITION_KEY toYYYYMM(__timestamp)\nENGINE_SORTING_KEY __timestamp, a",
        "ENGINE_SORTING_KEY arrayMap(x -> x + 1, [length(a)])",
        "ENGINE_SORTING_KEY tuple()",
        'ENGINE_PARTITION_KEY ""\nENGINE_SORTING_KEY ""',
    ],
)
def test_keys_that_are_fine(tmp_path: Path, lines: str) -> None:
    assert load(tmp_path, {"x.datasource": SCHEMA + "ENGINE MergeTree\n" + lines}).warnings == ()


def test_a_column_is_declared_once(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, {"x.datasource": "SCHEMA >\n    a String,\n    a UInt8\n"})
    assert (problem.place.line, problem.source_line) == (3, "    a UInt8")


def test_every_column_is_filled_from_events_or_none_is(tmp_path: Path) -> None:
    (problem,) = load(tmp_path, {"x.datasource": SCHEMA.rstrip() + ",\n    c String\n"}).warnings
    assert problem.message.startswith("the column `c` has no JSONPath and no DEFAULT")
    metadata = ",\n    __value String,\n    __headers Map(String, String)\n"
    kafka = "KAFKA_CONNECTION_NAME c\nKAFKA_TOPIC t\nKAFKA_GROUP_ID g\n"
    fine = {
        "y.datasource": SCHEMA.rstrip() + ",\n    c String DEFAULT ''\n",
        "target.datasource": "SCHEMA >\n    a String,\n    b UInt8\n",
        "kafka.datasource": SCHEMA.rstrip() + metadata + kafka,
    }
    (tmp_path / "x.datasource").unlink()
    assert len(load(tmp_path, fine).data_sources) == 3


def test_a_folder_that_is_not_there_and_one_without_files(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="the project folder is not there"):
        load_project(tmp_path / "nowhere", environment={})
    assert len(load_project(tmp_path, environment={}).warnings) == 1


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.pipe").write_bytes(b"NODE n\nSQL >\n    SELECT '\xff'\n")
    (tmp_path / "b.pipe").write_bytes(b"x" * ((1 << 20) + 1))
    first, second = problems_of(tmp_path, {})
    assert (first.message, str(first.place)) == ("the file is not UTF-8", "a.pipe:3:13")
    assert "larger than" in second.message


def test_links_lead_to_files_of_the_project_alone(tmp_path: Path) -> None:
    project = write(tmp_path / "project", {"..data/a.datasource": SCHEMA})
    outside = write(tmp_path / "outside", {"b.datasource": SCHEMA})
    (project / "a.datasource").symlink_to("..data/a.datasource")
    (project / "b.datasource").symlink_to(outside / "b.datasource")
    (project / "around").symlink_to(project)
    assert list(load_project(project, environment={}).data_sources) == ["a"]


def test_a_file_of_nothing_but_errors_shows_the_first_of_them(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, {"a.pipe": "what\n" * 5_000})
    assert len(problems) == 101
    assert problems[-1].message == "4,901 more problems in this file are not shown"


def test_the_digest_is_that_of_the_files_whatever_is_filled_in(tmp_path: Path) -> None:
    files = {
        "a.datasource": SCHEMA,
        "b.pipe": 'NODE n\nSQL >\n    SELECT 1\nINCLUDE "part.incl"\n',
        "part.incl": "NODE m\nSQL >\n    SELECT 2\n",
        "c.connection": "TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS ${BROKERS}\n",
    }
    first = load(tmp_path / "first", files, BROKERS="one:9092").digest
    assert load(tmp_path / "first", {}, BROKERS="another:9092").digest == first
    assert load(tmp_path / "elsewhere", files, BROKERS="one:9092").digest == first
    others = [
        {"a.datasource": SCHEMA + "\n# said"},
        {"part.incl": "NODE m\nSQL >\n    SELECT 3\n"},
        {"c.connection": "TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS ${OTHERS}\n"},
        {"d.pipe": PIPE},
    ]
    digests = {
        load(tmp_path / str(number), {**files, **changed}, BROKERS="a:1", OTHERS="b:1").digest
        for number, changed in enumerate(others)
    }
    assert len(digests | {first}) == 5
