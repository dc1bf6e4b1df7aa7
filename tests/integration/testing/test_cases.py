"""Projects with cases and fixtures, tested on a server and on the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.check import read_project
from deploy.testing.database.engine import Engine
from deploy.testing.reports.results import CaseResult, Outcome, Report
from deploy.testing.reports.updating import update
from deploy.testing.runner import Options, run_cases
from deploy.testing.selection import selected
from tests.integration.testing.conftest import Write
from tests.integration.testing.texts import case, endpoint, event

EVENTS = (
    "SCHEMA >\n    `id` UInt32 `json:$.id`,\n    `kind` String `json:$.what.kind`,\n    `at` DateTime `json:$.at`\n\n"
    'ENGINE "MergeTree"\nENGINE_SORTING_KEY "id"\nENGINE_TTL "at + toIntervalDay(1)"\n'
)
COUNTS = "SELECT kind, count() AS n FROM events GROUP BY kind"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


Run = Callable[..., Report]

# What no engine has a part in.
on_one_engine = pytest.mark.parametrize("engine", ["embedded"], indirect=True)


@pytest.fixture
def run(engine: Engine, tmp_path: Path) -> Run:
    def run(filters: Sequence[str] = (), **options: object) -> Report:
        chosen = replace(Options(), **options)  # type: ignore[arg-type]  # each test names those that there are
        return run_cases(engine, read_project(tmp_path, {}), {}, selected(tmp_path, filters), chosen)

    return run


def only(report: Report) -> CaseResult:
    [result] = report.results
    return result


@pytest.fixture
def counted(write: Write) -> Write:
    """A project that counts events by their kind, of which it has three."""
    write("events.datasource", EVENTS)
    write("counts.pipe", endpoint(COUNTS))
    write("fixtures/events.ndjson", event(1) + "\n" + event(2, "b") + event(3))
    return write


def test_events_of_a_fixture_are_asked(counted: Write, run: Run) -> None:
    counted("tests/counts.yaml", case('{"kind":"b","n":1}\n{"kind":"a","n":2}'))
    report = run()
    assert (only(report).outcome, only(report).lines, report.problems) == (Outcome.PASSED, (), ())
    assert report.exit_code == 0


@on_one_engine
def test_a_difference_fails(counted: Write, run: Run) -> None:
    counted("tests/counts.yaml", case('{"kind":"b","n":1}\n{"kind":"a","n":3}') + case("", name="d"))
    report = run()
    assert [result.outcome for result in report.results] == [Outcome.FAILED, Outcome.FAILED]
    assert "`n` is 2, expected 3" in report.results[0].lines[0]
    assert report.exit_code == 1


@on_one_engine
def test_the_order_counts_where_it_is_asked_for(counted: Write, run: Run) -> None:
    counted("tests/counts.yaml", case('{"kind":"b","n":1}\n{"kind":"a","n":2}'))
    counted("tests/sorted.yaml", case('{"kind":"b","n":1}\n{"kind":"a","n":2}'))
    counted("sorted.pipe", endpoint(f"{COUNTS} ORDER BY n DESC"))
    assert [result.outcome for result in run().results] == [Outcome.PASSED, Outcome.FAILED]
    counted("sorted.pipe", endpoint(f"{COUNTS} ORDER BY kind DESC"))
    assert [result.outcome for result in run(is_order_exact=True).results][1] is Outcome.PASSED
    counted("tests/sorted.yaml", case('{"kind":"a","n":2}\n{"kind":"b","n":1}'))
    counted("tests/counts.yaml", case('{"kind":"a","n":2}\n{"kind":"b","n":1}'))
    counted("sorted.pipe", endpoint(f"SELECT * FROM ({COUNTS} ORDER BY kind DESC)"))
    assert [result.outcome for result in run().results][1] is Outcome.PASSED
    assert Outcome.FAILED in [result.outcome for result in run(is_order_exact=True).results]


def test_parameters_and_errors_are_those_of_the_api(counted: Write, run: Run) -> None:
    sql = "%\nSELECT id FROM events WHERE kind IN {{Array(kinds)}} AND id >= {{UInt32(first, 0)}} ORDER BY id"
    counted("by_kind.pipe", endpoint(sql))
    counted(
        "tests/by_kind.yaml",
        case('{"id":2}\n{"id":3}', "parameters: kinds=a,b&first=2", "both")
        + case('{"id":2}', "parameters: kinds=%62 ", "one")
        + case(
            "Template Syntax Error: Required parameter is not defined. Check the parameters kinds and first. "
            "Please provide a value or set a default value in the pipe code.",
            "expected_http_status: 400",
            "none",
        )
        + case(None, "parameters: kinds=a&first=x\nexpected_http_status: 400", "whatever it says"),
    )
    assert [(result.lines, result.outcome) for result in run().results] == [((), Outcome.PASSED)] * 4


def test_a_bad_row_of_a_fixture_is_told_with_its_line(counted: Write, run: Run) -> None:
    counted("fixtures/events.ndjson", event(1) + "\nnothing\n" + event(2).replace("2001-01-01", "someday"))
    counted("tests/counts.yaml", case('{"kind":"a","n":1}'))
    report = run()
    assert only(report).outcome is Outcome.PASSED
    assert [(problem.place.line, problem.severity) for problem in report.problems] == [(3, "warning"), (4, "warning")]
    assert "`at`" in report.problems[1].message


def test_csv_by_names_and_by_order(write: Write, run: Run) -> None:
    for name in ("named", "ordered", "other"):
        write(f"{name}.datasource", "SCHEMA >\n    `id` UInt32,\n    `name` String,\n    `at` Nullable(DateTime)\n")
        write(f"all_{name}.pipe", endpoint(f"SELECT * FROM {name} ORDER BY id"))
    write("fixtures/named.csv", 'name,id\r\n"a ""quoted"", one",1\r\nb,2\r\n')
    write("fixtures/ordered.csv", "1;a;2026-01-01T10:00:00Z\n2;b;\n")
    write("fixtures/other.csv", "1,a\n")
    rows = '{"id":1,"name":"a \\"quoted\\", one","at":null}\n{"id":2,"name":"b","at":null}'
    write("tests/all_named.yaml", case(rows))
    rows = '{"id":1,"name":"a","at":"2026-01-01 10:00:00"}\n{"id":2,"name":"b","at":null}'
    write("tests/all_ordered.yaml", case(rows))
    write("tests/all_other.yaml", case(rows))
    report = run()
    assert [result.outcome for result in report.results] == [Outcome.PASSED, Outcome.PASSED, Outcome.ERROR]
    [problem] = report.problems
    assert (problem.severity, problem.place.file) == ("error", "fixtures/other.csv")
    assert "2 values" in problem.message
    assert report.exit_code == 2


@on_one_engine
@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("fixtures/users.csv", "id,nick\n1,a\n", "no column `nick`"),
        ("fixtures/users.csv", "id,name\nx,a\n", "cannot be loaded"),
        ("fixtures/users.ndjson", '{"id":1,"nick":"a"}\n', "nick"),
        ("fixtures/users.sql", "SELECT 1 AS id, 2 AS nick", "no column `nick`"),
        ("fixtures/users.sql", "SELECT nothing", "nothing"),
        ("fixtures/users.sql", "DROP TABLE users", "a SELECT, not `DROP`"),
    ],
)
def test_a_fixture_that_cannot_be_loaded_is_an_error_of_the_test(
    write: Write, run: Run, file: str, text: str, message: str
) -> None:
    write("users.datasource", "SCHEMA >\n    `id` UInt32,\n    `name` String,\n    `age` UInt8 DEFAULT 1\n")
    write("all.pipe", endpoint("SELECT id FROM users"))
    write("tests/all.yaml", case('{"id":1}'))
    write(file, text)
    report = run()
    [problem] = report.problems
    assert (problem.severity, problem.place.file) == ("error", file)
    assert message in problem.message
    assert only(report).outcome is Outcome.ERROR
    assert report.exit_code == 2


def test_what_a_select_gives(counted: Write, run: Run, tmp_path: Path) -> None:
    (tmp_path / "fixtures" / "events.ndjson").unlink()
    counted(
        "fixtures/events.sql",
        "-- three\nSELECT toUInt32(number) AS id, CAST(tuple('x'), 'Tuple(kind String)') AS what,"
        " toDateTime('2001-01-01 00:00:00') AS at FROM numbers(3);\n",
    )
    counted("users.datasource", "SCHEMA >\n    `id` UInt32,\n    `name` String\n")
    counted("fixtures/users.sql", "SELECT 'u' || toString(number) AS name, number AS id FROM numbers(2)")
    counted("users.pipe.pipe", endpoint("SELECT * FROM users ORDER BY id"))
    counted("tests/users.pipe.yaml", case('{"id":0,"name":"u0"}\n{"id":1,"name":"u1"}'))
    counted("tests/counts.yaml", case('{"kind":"x","n":3}'))
    report = run()
    assert [(result.outcome, result.lines) for result in report.results] == [(Outcome.PASSED, ())] * 2
    assert report.problems == ()


@on_one_engine
def test_a_select_may_name_the_columns_instead_of_the_paths(counted: Write, run: Run, tmp_path: Path) -> None:
    (tmp_path / "fixtures" / "events.ndjson").unlink()
    counted("fixtures/events.sql", "SELECT 7 AS id, 'y' AS kind, toDateTime(0) AS at")
    counted("tests/counts.yaml", case('{"kind":"y","n":1}'))
    assert only(run()).lines == ()


@on_one_engine
def test_errors_of_the_test_itself_are_told_apart(counted: Write, run: Run) -> None:
    counted("users.datasource", "SCHEMA >\n    `id` UInt32\n")
    counted("users_of.pipe", endpoint("SELECT id FROM users"))
    counted("tests/count.yaml", case(""))
    counted("tests/counts.yaml", case(None))
    counted("tests/users_of.yaml", case('{"id":1}') + case("", name="none"))
    report = run()
    unknown, unsaid, missing, empty = report.results
    assert [unknown.outcome, unsaid.outcome, missing.outcome, empty.outcome] == [*[Outcome.ERROR] * 3, Outcome.PASSED]
    assert unknown.lines == ("there is no pipe `count`", "hint: did you mean `counts`?")
    assert unsaid.lines == ("it has no `expected_result`",)
    assert missing.lines[0] == "`users`, which it reads, has no fixture"
    assert report.exit_code == 2


@on_one_engine
def test_the_answer_becomes_what_is_expected(counted: Write, run: Run, tmp_path: Path) -> None:
    counted("tests/counts.yaml", "# mine\n" + case(None, "description: d") + case("wrong", name="d"))
    report = update(run())
    assert [result.outcome for result in report.results] == [Outcome.UPDATED, Outcome.UPDATED]
    assert report.exit_code == 0
    assert [result.outcome for result in run().results] == [Outcome.PASSED, Outcome.PASSED]
    text = (tmp_path / "tests" / "counts.yaml").read_text()
    assert text.startswith("# mine\n- name: c\n  description: d\n  expected_result: |\n    {")


@on_one_engine
def test_a_filter_leaves_the_others(counted: Write, run: Run) -> None:
    rows = '{"kind":"b","n":1}\n{"kind":"a","n":2}'
    counted("tests/counts.yaml", case(rows, name="of all") + case(rows, name="of some"))
    assert [result.case.name for result in run(["counts:of some"]).results] == ["of some"]


@on_one_engine
@pytest.mark.parametrize("kind", ["materialized\nDATASOURCE totals", "copy\nTARGET_DATASOURCE totals"])
def test_the_sql_of_other_nodes_is_asked(counted: Write, run: Run, kind: str) -> None:
    counted("totals.datasource", "SCHEMA >\n    `kind` String,\n    `n` UInt64\n")
    counted("totals_of.pipe", endpoint(COUNTS, kind))
    counted("tests/totals_of.yaml", case('{"kind":"b","n":1}\n{"kind":"a","n":2}'))
    assert (only(run()).outcome, only(run()).lines) == (Outcome.PASSED, ())


@on_one_engine
def test_a_copy_reads_the_time_of_its_run(counted: Write, run: Run) -> None:
    counted("totals.datasource", "SCHEMA >\n    `at` String\n")
    copied = endpoint("%\nSELECT {{String(job_timestamp)}} AS at", "copy\nTARGET_DATASOURCE totals")
    counted("stamp.pipe", copied)
    counted("tests/stamp.yaml", case('{"at":"2026-03-01 12:00:00"}'))
    assert only(run(moment=NOW)).lines == ()


@on_one_engine
def test_a_pipe_without_a_type_cannot_be_asked(counted: Write, run: Run) -> None:
    counted("plain.pipe", "NODE n\nSQL >\n    SELECT 1\n")
    counted("tests/plain.yaml", case('{"1":1}'))
    assert "none of its nodes has a TYPE" in only(run()).lines[0]


def test_every_case_has_the_same_moment(counted: Write, run: Run) -> None:
    counted(
        "stamped.datasource", "SCHEMA >\n    `id` UInt32 `json:$.id`,\n    `at` DateTime `json:$.at` DEFAULT now()\n"
    )
    counted("fixtures/stamped.ndjson", '{"id":1}\n{"id":2,"at":"2026-03-01 11:59:59"}\n')
    counted(
        "young.pipe",
        endpoint(
            "SELECT id, at, __timestamp = at AS then, today() AS day FROM stamped WHERE at > now() - 1 ORDER BY id"
        ),
    )
    rows = '{"id":1,"at":"2026-03-01 12:00:00","then":1,"day":"2026-03-01"}'
    counted("tests/young.yaml", case(rows))
    assert (only(run(moment=NOW)).outcome, only(run(moment=NOW)).lines) == (Outcome.PASSED, ())
    failed = only(run())
    assert failed.outcome is Outcome.FAILED
    assert "--now TIME" in failed.notes[0]


@on_one_engine
def test_what_has_no_moment_of_its_own_is_never_passed(counted: Write, run: Run) -> None:
    counted("ticking.pipe", endpoint("SELECT nowInBlock() > toDateTime(0) AS later"))
    counted("tests/ticking.yaml", case('{"later":1}'))
    report = run(moment=NOW)
    assert (only(report).outcome, report.exit_code) == (Outcome.NOT_TESTABLE, 2)
    assert "`nowInBlock()`" in only(report).lines[0]


@on_one_engine
def test_cases_are_asked_however_long_their_pipe_keeps_its_answers(counted: Write, run: Run) -> None:
    counted("ticking.pipe", endpoint("SELECT nowInBlock() > toDateTime(0) AS later") + "CACHE 60\n")
    counted("tests/ticking.yaml", "".join(case('{"later":1}', name=f"c{number}") for number in range(12)))
    assert [each.outcome for each in run(moment=NOW, jobs=4).results] == [Outcome.NOT_TESTABLE] * 12


def test_nothing_is_left_behind(counted: Write, run: Run, engine: Engine) -> None:
    counted("tests/counts.yaml", case("wrong"))
    run()
    with closing(engine.connect()) as client:
        found = client.query(
            "SELECT count() FROM system.databases WHERE startsWith(name, {name:String})",
            parameters={"name": engine.database},
        )
        assert found.result_rows == [(0,)]


def test_many_cases_at_once(counted: Write, run: Run) -> None:
    rows = '{"kind":"b","n":1}\n{"kind":"a","n":2}'
    counted("tests/counts.yaml", "".join(case(rows, name=f"c{number}") for number in range(100)))
    assert {result.outcome for result in run(jobs=8).results} == {Outcome.PASSED}
