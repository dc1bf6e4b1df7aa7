"""The views of projects: what each reads and writes, their order, and what can be no view."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import ProjectError
from schemas.tables.views.project import views_in
from tests.schemas.tables.views.projects import COUNTS, project, view, views


def test_a_materialized_node_is_a_view_of_its_pipes_name(tmp_path: Path) -> None:
    found = views(tmp_path, to_counts=view())
    (shape,) = found.shapes
    assert (shape.name, shape.node, shape.source, shape.target) == ("to_counts", "n", "events", "counts")
    assert (shape.reads, shape.fills) == (("events",), True)
    assert shape.select("d").startswith(
        "SELECT user, count() AS n FROM `d`.`events` AS events GROUP BY user\nSETTINGS "
    )
    assert found.problems == ()


def test_backfill_skip_of_the_target_fills_nothing(tmp_path: Path) -> None:
    (shape,) = views(tmp_path, to_counts=view(), counts_ds=f"{COUNTS}BACKFILL Skip\n").shapes
    assert not shape.fills


def test_further_materialized_nodes_have_their_names_behind_the_pipes(tmp_path: Path) -> None:
    second = view().replace("NODE n", "NODE m")
    assert [shape.name for shape in views(tmp_path, both=view() + "\n" + second).shapes] == ["both", "both.m"]


def test_pipes_and_templates_are_rendered_with_their_defaults(tmp_path: Path) -> None:
    of_user = (
        'NODE n\nSQL >\n    %\n    SELECT * FROM events WHERE user != {{ String(but, "it\'s") }}\n\nTYPE endpoint\n'
    )
    sql = "%\nSELECT user, count() AS n FROM of_user {% if defined(x) %} WHERE wrong {% end %} GROUP BY user"
    (shape,) = views(tmp_path, of_user=of_user, to_counts=view(sql)).shapes
    text = shape.select("d")
    assert r"user != 'it\'s'" in text
    assert "wrong" not in text
    assert (shape.source, "{" in text) == ("events", False)


def test_each_view_comes_after_those_that_it_reads_from(tmp_path: Path) -> None:
    of_counts = "SELECT user, sum(n) AS n FROM {} GROUP BY user"
    found = views(
        tmp_path,
        a=view(of_counts.format("second"), into="third"),
        b=view(of_counts.format("counts"), into="second"),
        c=view(),
        second_ds=COUNTS,
        third_ds=COUNTS,
    )
    assert [shape.name for shape in found.shapes] == ["c", "b", "a"]


def test_a_view_may_look_up_what_it_writes(tmp_path: Path) -> None:
    sql = "SELECT user, count() AS n FROM events WHERE user NOT IN (SELECT user FROM counts) GROUP BY user"
    found = views(tmp_path, to_counts=view(sql))
    assert (found.shapes[0].reads, found.problems) == (("events", "counts"), ())


def test_what_looks_itself_up_leaves_the_order_of_the_others(tmp_path: Path) -> None:
    own = "SELECT user, count() AS n FROM events WHERE user NOT IN (SELECT user FROM second) GROUP BY user"
    looks_up = "SELECT user, 1 AS n FROM events WHERE user IN (SELECT user FROM counts)"
    found = views(
        tmp_path,
        a=view(looks_up, into="third"),
        b=view(own, into="second"),
        c=view(),
        second_ds=COUNTS,
        third_ds=COUNTS,
    )
    names = [shape.name for shape in found.shapes]
    assert names.index("c") < names.index("a")


def test_views_that_write_into_what_they_see_are_an_error(tmp_path: Path) -> None:
    of_counts = "SELECT user, n FROM {}"
    found = views(
        tmp_path,
        a=view(of_counts.format("counts"), into="second"),
        b=view(of_counts.format("second")),
        c=view(),
        second_ds=COUNTS,
    )
    assert [shape.name for shape in found.shapes] == ["c"]
    (problem,) = found.errors
    assert "`a`" in problem.message
    assert "`b`" in problem.message
    assert found.left_out == {"a", "b"}


@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        ("SELECT 'x' AS user, 1 AS n", "reads no table first", "begin with a data source"),
        ("SELECT toString(number) AS user FROM numbers(3)", "reads `numbers` first", "first FROM"),
        ("SELECT name AS user FROM system.functions", "reads `system.functions` first", "first FROM"),
        ("SELECT user FROM events FINAL", "`events` with FINAL", "leave it out"),
        ("SELECT user FROM events PREWHERE user != ''", "`events` with PREWHERE", "write WHERE"),
        ("SELECT user FROM events SAMPLE 0.1", "`events` with SAMPLE", "WHERE"),
        ("SELECT user FROM events UNION ALL SELECT user FROM counts", "not those of `counts`", "a pipe for each"),
        ("SELECT user FROM events INTERSECT SELECT user FROM counts", "INTERSECT or EXCEPT", "IN"),
        ("%\nSELECT user FROM events WHERE user = {{ String(u) }}", "Required parameter", "needs a default"),
        ("%\nSELECT user FROM events WHERE user = {{ tb_secret('s', 'd') }}", "reads a secret", "secret"),
    ],
)
def test_what_no_view_can_do_is_an_error_with_its_place(tmp_path: Path, sql: str, message: str, hint: str) -> None:
    found = views(tmp_path, to_counts=view(sql))
    (problem,) = found.errors
    assert found.shapes == ()
    assert message in problem.message
    assert hint in problem.hint
    assert (problem.place.file, problem.place.line) == ("to_counts.pipe", 3)
    assert problem.source_line.strip() == sql.splitlines()[0].strip()


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({"p": view(into="count")}, "DATASOURCE `count` does not exist", "did you mean `counts`?"),
        ({"p": view("SELECT * FROM nowhere")}, "Resource 'nowhere' not found", ""),
        ({"p": view("SELECT * FROM tinybird.pipe_stats")}, "tinybird.pipe_stats", ""),
        ({"p": view("SELECT * FROM counts_quarantine")}, "no quarantine `counts_quarantine`", "takes events"),
    ],
)
def test_what_is_not_there_leaves_the_view_out_with_a_warning(
    tmp_path: Path, files: dict[str, str], message: str, hint: str
) -> None:
    found = views(tmp_path, **files)
    (problem,) = found.problems
    assert (found.shapes, problem.severity, set(found.left_out)) == ((), "warning", {"p"})
    assert message in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT l.user FROM events AS l JOIN events AS r ON l.user = r.user", "names `events` more than once"),
        (
            "SELECT user FROM (SELECT user FROM events UNION ALL SELECT user FROM counts)",
            "the inserts of `events` alone",
        ),
    ],
)
def test_what_is_hardly_meant_is_a_warning(tmp_path: Path, sql: str, message: str) -> None:
    found = views(tmp_path, to_counts=view(sql))
    (problem,) = found.problems
    assert len(found.shapes) == 1
    assert (problem.severity, message in problem.message) == ("warning", True)


def test_a_source_in_each_branch_is_no_second_one(tmp_path: Path) -> None:
    sql = "SELECT user, 1 AS n FROM events UNION ALL SELECT user, 2 AS n FROM events"
    found = views(tmp_path, to_counts=view(sql))
    assert (len(found.shapes), found.problems) == (1, ())


CLASSIC = "ENGINE SummingMergeTree\nENGINE_SORTING_KEY user\n"


def test_engine_lines_describe_a_target_that_no_file_does(tmp_path: Path) -> None:
    found = project(tmp_path, to_sums=view(into="sums__v1", lines=CLASSIC))
    sums = found.data_sources["sums"]
    assert (sums.described_by, sums.columns, sums.engine.name) == ("to_sums", (), "SummingMergeTree")
    assert views_in(found).shapes[0].target == "sums"
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"p": view(lines=CLASSIC)}, "count for nothing: counts.datasource says what `counts` is"),
        (
            {"p": view(into="s", lines=CLASSIC), "q": view(into="s", lines="ENGINE MergeTree\n")},
            "count for nothing: `s` is what the pipe `p` says first",
        ),
    ],
)
def test_engine_lines_that_count_for_nothing_are_told(tmp_path: Path, files: dict[str, str], message: str) -> None:
    (warning,) = project(tmp_path, **files).warnings
    assert message in warning.message


def test_a_target_that_is_called_as_a_pipe_is_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="the name `same` is taken by same"):
        project(tmp_path, same=view(into="same", lines=CLASSIC))


def test_a_view_is_never_called_as_a_data_source_is(tmp_path: Path) -> None:
    both = view() + "\n" + view().replace("NODE n", "NODE m")
    found = views(tmp_path, both=both, **{"both.m_ds": COUNTS})
    (problem,) = found.errors
    assert "its view would be called `both.m`" in problem.message


def test_of_a_project_that_cannot_be_compiled_nothing_is_known(tmp_path: Path) -> None:
    broken = "NODE n\nSQL >\n    %\n    SELECT {{ nothing( }}\n"
    found = views_in(project(tmp_path, to_counts=view(), broken=broken))
    assert (found.shapes, len(found.errors)) == ((), 1)


def test_the_quarantine_may_be_the_source(tmp_path: Path) -> None:
    sql = "SELECT c__error[1] AS user, count() AS n FROM events_quarantine GROUP BY user"
    (shape,) = views(tmp_path, to_counts=view(sql)).shapes
    assert shape.source == "events_quarantine"
