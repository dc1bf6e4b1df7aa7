"""The projects that benches make are right, and what is asked of them can be rendered."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.load.questions import POINT, POINT_NAME, questions
from bench.measures.rollup import OF_A_DAY, QUESTIONS
from bench.measures.start import generated_pipes
from bench.systems.project_files import OF_EVENTS, write_project, write_rollup_project
from bench.systems.rollups import COUNT, ROLLUPS, verify_rollup
from deploy.check import read_project
from deploy.explain.explanation import explain
from schemas.feed import feeds_of

KEYS = [["2026-09-01 00:00:00", "click", "user_1"], ["2026-09-02 00:00:00", "login", "user_2"]]


def test_data_sources_are_fed_from_the_topics_of_the_bench(tmp_path: Path) -> None:
    checked = read_project(write_project(tmp_path / "p", {"events": "a", "events_2": "b"}, group="g"), {})
    feeds = {feed.data_source: feed for feed in feeds_of(checked.project.data_sources.values())}
    assert {name: feed.topic for name, feed in feeds.items()} == {"events": "a", "events_2": "b"}
    assert {feed.group_id for feed in feeds.values()} == {"g"}
    assert {feed.auto_offset_reset for feed in feeds.values()} == {"earliest"}


def test_every_question_is_one_that_the_project_answers(tmp_path: Path) -> None:
    catalog = read_project(write_project(tmp_path / "p", {"events": "a"}, pipes={POINT_NAME: POINT}), {}).catalog
    asked = questions(lambda _: KEYS)
    assert {question.pipe for question in asked} == set(catalog.endpoints)
    for question in asked:
        for values in question.values:
            query = explain(catalog, question.pipe, values.items()).query
            assert set(values.values()) <= set(query.parameters.values())


def test_every_rollup_is_a_view_of_the_events_and_counts_them(tmp_path: Path) -> None:
    checked = read_project(write_project(tmp_path / "p", {"events": "a"}, rollups=ROLLUPS), {})
    views = {view.name: view for view in checked.views.shapes}
    assert {view.target for view in views.values()} == {rollup.table for rollup in ROLLUPS}
    for rollup in ROLLUPS:
        assert views[rollup.pipe].source == "events"
        assert f"count() AS {COUNT}" in views[rollup.pipe].select("db")
        assert COUNT in {column.name for column in checked.project.data_sources[rollup.table].columns}


def test_a_rollup_that_misses_an_event_or_counts_one_twice_is_told() -> None:
    verify_rollup(lambda _: [[3]], ROLLUPS[0], 3)
    for found in (2, 4):
        with pytest.raises(BenchError, match=f"`type_hours` counts {found} events of 3"):
            verify_rollup(lambda _, found=found: [[found]], ROLLUPS[0], 3)  # type: ignore[misc]  # a lambda's default


def test_the_rollup_and_the_events_are_asked_for_the_same_statistics(tmp_path: Path) -> None:
    checked = read_project(write_rollup_project(tmp_path / "p"), {})
    assert {question.pipe for question in QUESTIONS.values()} <= set(checked.catalog.endpoints)
    of_events, of_rollup = (explain(checked.catalog, pipe, ()).query.sql for pipe in (OF_EVENTS, "event_stats"))
    assert "FROM events\n" in of_events
    assert "FROM events_ever" in of_rollup
    assert "events_hourly" in explain(checked.catalog, "event_stats", QUESTIONS[OF_A_DAY].values.items()).query.sql


def test_generated_pipes_compile_and_read_their_own_node(tmp_path: Path) -> None:
    pipes = generated_pipes(6)
    catalog = read_project(write_project(tmp_path / "p", {"events": "a"}, pipes=pipes), {}).catalog
    assert set(pipes) < set(catalog.endpoints)
    sql = explain(catalog, "generated_5", [("user_id", "u")]).query.sql
    assert "now() - 6" in sql
