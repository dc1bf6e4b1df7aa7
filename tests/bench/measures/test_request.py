"""What the request bench measures of each stage, and how it puts one and several processes beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from bench.errors import BenchError
from bench.load.generator import Load
from bench.load.questions import CACHED, CACHED_NAME, POINT, POINT_NAME
from bench.measures.request import Cell, Options, RequestBench, Round
from bench.record import Record
from bench.systems.project_files import write_project
from bench.systems.stages import Stages, measure_stages

KEY = {"timestamp": "2026-09-01 00:00:00", "event_type": "click", "user_id": "user_1"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "p", {"events": "a"}, pipes={POINT_NAME: POINT, CACHED_NAME: CACHED})


def test_every_stage_of_every_pipe_is_measured_in_each_round(project: Path, tmp_path: Path) -> None:
    questions = {POINT_NAME: [KEY], CACHED_NAME: [KEY], "user_activity": [{"user_id": "u"}, {"user_id": "v"}]}
    log = tmp_path / "stages.log"
    costs = measure_stages(project, questions, rounds=2, requests=40, log=log)
    assert list(costs) == list(questions)
    stages = ["token", "parameters", "template", "form of the query", "admission", "log line", "metrics"]
    for of_pipe in costs.values():
        assert list(of_pipe) == stages
        assert all(len(rounds) == 2 and min(rounds) > 0 for rounds in of_pipe.values())
    # The line that is measured is the one that is written: of each pipe, in each round and the warm-up.
    assert log.read_text().count('"request_id"') == len(questions) * 3 * 40


def test_a_project_that_does_not_compile_is_told(project: Path, tmp_path: Path) -> None:
    (project / "pipes" / "wrong.pipe").write_text("NODE n\nSQL >\n    %\n    SELECT {{ nothing( }}\n\nTYPE endpoint\n")
    with pytest.raises(BenchError, match="the stages of a request could not be measured"):
        measure_stages(project, {POINT_NAME: [KEY]}, rounds=1, requests=1, log=tmp_path / "stages.log")


async def test_a_stage_does_what_it_is_called_after(project: Path) -> None:
    of_pipe = Stages(str(project)).of_pipe(POINT_NAME, [KEY])
    with pytest.raises(Exception, match="timestamp"):
        await of_pipe["template"](cast("Any", type("Asked", (), {"values": {"timestamp": "no time"}})))


def test_several_processes_stand_beside_the_fewest_of_the_same_turn() -> None:
    run = RequestBench(cast("Any", None), Options(processes=(1, 2)), Record("a test", 1, {}), lambda _: None)
    run.stages = {"a": {"token": [1.0, 2.0, 3.0], "template": [20.0, 30.0, 40.0]}}
    run.client = load(1_000)
    run.rounds = {
        Cell("a", 1): [Round(load(count), 250.0) for count in (100, 200, 300)],
        Cell("a", 2): [Round(load(count), 275.0) for count in (190, 380, 540)],
    }
    text = run.render()
    assert row(text, "all of these") == ["32 (21–43)"]
    assert row(text, "the whole request, over sockets") == ["250 (250–250)"]
    one, two = (line.strip("| ").split("|") for line in text.splitlines() if line.startswith("| a "))
    assert [cell.strip() for cell in one[1:5]] == ["1", "200 (100–300)", "–", "4,000 (4,000–4,000)"]
    assert [cell.strip() for cell in two[1:5]] == ["2", "380 (190–540)", "1.90× (1.80×–1.90×)", "3,636 (3,636–3,636)"]
    assert "client alone: 1,000 requests/s, 10 µs" in text


def test_an_endpoint_that_is_not_there_is_told() -> None:
    run = RequestBench(cast("Any", None), Options(pipes=("nothing",)), Record("a test", 1, {}), lambda _: None)
    system = cast("Any", type("System", (), {"ask": lambda _, __: [[KEY["timestamp"], "click", "user_1"]]})())
    with pytest.raises(BenchError, match="there is no endpoint `nothing`"):
        run._chosen(system)


def load(count: int) -> Load:
    return Load(1.0, (0.01,) * count, (), "", count * 10e-6)


def row(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {name} "))
    return [cell.strip() for cell in line.strip("|").split("|")[1:]]
