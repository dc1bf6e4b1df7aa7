"""What of a project nothing does: each is told once, with everything that reads what it leaves empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.model import Problem
from schemas.queries.catalog import compile_project
from tests.schemas.tables.views.projects import COUNTS, EVENTS, project, view


def pipe(sql: str, lines: str = "") -> str:
    return f"NODE n\nSQL >\n    {sql}\n\n{lines}"


def endpoint(sql: str) -> str:
    return pipe(sql, "TYPE endpoint\n")


def told(folder: Path, **files: str) -> tuple[Problem, ...]:
    catalog = compile_project(project(folder, **files))
    assert set(catalog.not_carried_out) <= set(catalog.warnings)
    return catalog.not_carried_out


COPY = pipe("SELECT user, count() AS n FROM events GROUP BY user", "TYPE copy\nTARGET_DATASOURCE counts\n")


def test_a_copy_names_everything_that_reads_its_target(tmp_path: Path) -> None:
    (problem,) = told(
        tmp_path,
        nightly=COPY,
        plain=pipe("SELECT * FROM counts"),
        over_plain=endpoint("SELECT * FROM plain"),
        rolled=view("SELECT user, n FROM counts", into="sums"),
        of_sums=endpoint("SELECT * FROM sums"),
        out=pipe("SELECT * FROM of_sums", "TYPE sink\nEXPORT_CONNECTION_NAME c\nEXPORT_KAFKA_TOPIC t\n"),
        apart=endpoint("SELECT * FROM events"),
        sums_ds=COUNTS,
    )[:1]
    assert problem.severity == "warning"
    assert (problem.place.file, problem.place.line, problem.source_line) == ("nightly.pipe", 1, "NODE n")
    begins = "the copy `n` is not carried out: nothing is copied into `counts`, which is read by "
    assert problem.message.startswith(begins)
    said = problem.message.removeprefix(begins)
    assert sorted(said.replace(" and ", ", ").split(", ")) == [
        "the endpoint `of_sums`",
        "the endpoint `over_plain`",
        "the pipe `plain`",
        "the sink `out`",
        "the view `rolled` into `sums`",
    ]


def test_what_nobody_reads_says_so(tmp_path: Path) -> None:
    (problem,) = told(tmp_path, nightly=COPY)
    assert problem.message.endswith("into `counts`, which nothing reads")


def test_a_sink_exports_nothing(tmp_path: Path) -> None:
    lines = "TYPE sink\nEXPORT_CONNECTION_NAME c\nEXPORT_KAFKA_TOPIC t\n"
    (problem,) = told(tmp_path, out=pipe("SELECT * FROM events", lines))
    assert problem.message == "the sink `n` is not carried out: nothing is exported"


def test_an_import_is_told_where_its_first_line_stands(tmp_path: Path) -> None:
    lines = "\nIMPORT_CONNECTION_NAME c\nIMPORT_BUCKET_URI s3://b/*.csv\nIMPORT_SCHEDULE @once\n"
    (problem,) = told(tmp_path, counts_ds=COUNTS + lines, top=endpoint("SELECT * FROM counts"))
    assert problem.message == (
        "imports are not carried out (IMPORT_CONNECTION_NAME, IMPORT_BUCKET_URI, IMPORT_SCHEDULE):"
        " nothing is imported into `counts`, which is read by the endpoint `top`"
    )
    assert (problem.place.line, problem.source_line) == (8, "IMPORT_CONNECTION_NAME c")


def test_a_service_data_source_is_told_once_with_all_its_readers(tmp_path: Path) -> None:
    stats = "SELECT pipe_name AS user FROM tinybird.pipe_stats_rt"
    (problem,) = told(tmp_path, one=endpoint(stats), two=endpoint(stats), three=endpoint("SELECT * FROM one"))
    assert problem.message == (
        "the service data source `tinybird.pipe_stats_rt`, which is read by the endpoint `one`, the endpoint `two`"
        " and the endpoint `three`, does not exist here: what comes to it fails"
    )
    assert (problem.place.file, problem.source_line) == ("one.pipe", f"    {stats}")


@pytest.mark.parametrize("files", [{"top": endpoint("SELECT * FROM counts")}, {"to_counts": view()}])
def test_what_is_carried_out_is_not_told(tmp_path: Path, files: dict[str, str]) -> None:
    assert told(tmp_path, events_ds=EVENTS, **files) == ()
