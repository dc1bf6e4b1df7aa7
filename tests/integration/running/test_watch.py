"""`birdhouse run --watch` as a process of its own: what is saved is live within a second, what is broken is shown."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.running.runs import COMMAND, Running, environment, needs_embedded

pytestmark = needs_embedded

# What is promised, on a machine that has nothing else to do; tests run beside others.
LIVE_SECONDS = 1.0
BUSY_SECONDS = 20.0

ORDERS = "SCHEMA >\n    `id` UInt64 `json:$.id`\n\nENGINE MergeTree\nENGINE_SORTING_KEY {key}\n"
ANSWER = "NODE answer\nSQL >\n    {sql}\n\nTYPE endpoint\n"


class Watched(Running):
    """A `run --watch` on a project of one data source and one pipe."""

    project: Path

    def save(self, name: str, text: str) -> None:
        (self.project / name).write_text(text)

    def ask(self, path: str, **parameters: str) -> tuple[int, Any]:
        query = "&".join(f"{name}={value}" for name, value in {"token": self.token, **parameters}.items())
        return self._open(urllib.request.Request(f"{self.url}/v0/{path}?{query}"))

    def send(self, data_source: str, event: dict[str, int]) -> int:
        url = f"{self.url}/v0/events?name={data_source}&token={self.token}"
        return self._open(urllib.request.Request(url, json.dumps(event).encode()))[0]

    def data(self, pipe: str) -> Any:
        status, body = self.ask(f"pipes/{pipe}.json")
        return body["data"] if status == 200 else status

    def _open(self, request: urllib.request.Request) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


def until(is_true: Callable[[], bool], seconds: float = BUSY_SECONDS) -> float:
    """Wait until something is true; gives the seconds that it took."""
    started = time.monotonic()
    while not is_true():
        assert time.monotonic() - started < seconds, "it does not come"
        time.sleep(0.02)
    return time.monotonic() - started


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One process for all tests here: each leaves the project right, whatever it did."""
    folder = tmp_path_factory.mktemp("watched")
    project = folder / "project"
    project.mkdir()
    (project / "orders.datasource").write_text(ORDERS.format(key="id"))
    (project / "answer.pipe").write_text(ANSWER.format(sql="SELECT 1 AS version"))
    given = environment(folder / "data", {"PROJECT_DIR": str(project)})
    with (folder / "stdout").open("wb") as output, (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen([*COMMAND, "run", "--watch"], stdout=output, stderr=errors, env=given)
    try:
        watched = Watched(process, folder)
        watched.project = project
        watched.wait_for("is ready")
        yield watched
        assert watched.stop() == 0, watched.errors
        assert "Traceback" not in watched.errors
    finally:
        process.kill()
        process.wait()


def _answers(run: Watched, version: int) -> bool:
    return bool(run.data("answer") == [{"version": version}])


def test_a_saved_pipe_is_live_within_a_second(run: Watched) -> None:
    quickest = BUSY_SECONDS
    for version in (2, 3, 4):
        run.save("answer.pipe", ANSWER.format(sql=f"SELECT {version} AS version"))
        quickest = min(quickest, until(partial(_answers, run, version)))
    assert quickest < LIVE_SECONDS
    run.wait_for("live: answer.pipe")


def test_a_new_pipe_answers_and_a_removed_one_does_not(run: Watched) -> None:
    run.save("more.pipe", "TOKEN reader READ\n" + ANSWER.format(sql="SELECT 'more' AS text"))
    until(lambda: run.data("more") == [{"text": "more"}])
    tokens = subprocess.run(
        [*COMMAND, "tokens", "reader"],
        capture_output=True,
        text=True,
        check=True,
        env=environment(run.folder / "data", {"PROJECT_DIR": str(run.project)}),
    )
    request = urllib.request.Request(f"{run.url}/v0/pipes/more.json?token={tokens.stdout.strip()}")
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200
    (run.project / "more.pipe").unlink()
    until(lambda: run.data("more") == 404)


def test_what_is_broken_is_shown_and_the_last_good_version_goes_on(run: Watched) -> None:
    run.save("answer.pipe", ANSWER.format(sql="SELECT 'good' AS text"))
    until(lambda: run.data("answer") == [{"text": "good"}])
    run.save("answer.pipe", ANSWER.format(sql="SELECT 1; SELECT 2"))
    run.wait_for("a node holds one statement")
    run.wait_for("hint: the last good version goes on serving")
    assert run.data("answer") == [{"text": "good"}]
    run.save("answer.pipe", ANSWER.format(sql="SELECT 'better' AS text"))
    until(lambda: run.data("answer") == [{"text": "better"}])


def test_a_change_that_loses_data_is_refused(run: Watched) -> None:
    run.save("orders.datasource", ORDERS.format(key="tuple()"))
    run.wait_for("error: the project changes what is stored, so nothing was done")
    run.save("orders.datasource", ORDERS.format(key="id"))
    run.save("answer.pipe", ANSWER.format(sql="SELECT 'after' AS text"))
    until(lambda: run.data("answer") == [{"text": "after"}])


def test_a_touched_file_is_no_change(run: Watched) -> None:
    before = run.errors.count("live: ")
    os.utime(run.project / "answer.pipe")
    run.save("untouched.pipe", ANSWER.format(sql="SELECT 'later' AS text"))
    until(lambda: run.data("untouched") == [{"text": "later"}])
    assert run.errors.count("live: ") == before + 1
    assert "live: untouched.pipe\n" in run.errors


def test_a_new_data_source_is_deployed_and_loaded(run: Watched) -> None:
    assert run.send("orders", {"id": 1}) == 202
    run.save("refunds.datasource", ORDERS.format(key="id"))
    count = "SELECT (SELECT count() FROM refunds) AS refunds, (SELECT count() FROM orders) AS orders"
    run.save("answer.pipe", ANSWER.format(sql=count))
    until(lambda: isinstance(found := run.data("answer"), list) and "refunds" in found[0])
    assert run.send("refunds", {"id": 7}) == 202
    assert run.send("orders", {"id": 2}) == 202
    until(lambda: run.data("answer") == [{"refunds": 1, "orders": 2}])
    assert run.process.poll() is None


def test_a_file_that_another_includes_is_watched_too(run: Watched) -> None:
    run.save("answer.incl", ANSWER.format(sql="SELECT 'included' AS text"))
    run.save("answer.pipe", "INCLUDE answer.incl\n")
    until(lambda: run.data("answer") == [{"text": "included"}])
    run.save("answer.incl", ANSWER.format(sql="SELECT 'included again' AS text"))
    until(lambda: run.data("answer") == [{"text": "included again"}])


def test_sql_that_clickhouse_refuses_holds_up_its_own_pipe_alone(run: Watched) -> None:
    run.save("answer.pipe", ANSWER.format(sql="SELECT 'before' AS text"))
    until(lambda: run.data("answer") == [{"text": "before"}])
    run.save("answer.pipe", ANSWER.format(sql="SELECT idd FROM orders"))
    run.save("other.pipe", ANSWER.format(sql="SELECT count() AS rows FROM orders"))
    run.wait_for("Unknown expression identifier `idd`")
    run.wait_for("hint: the last good version of `answer` goes on serving\nlive: other.pipe")
    until(lambda: run.data("other") != 404)
    assert run.data("answer") == [{"text": "before"}]
    run.save("answer.pipe", ANSWER.format(sql="SELECT count() > 100 AS many FROM orders"))
    until(lambda: run.data("answer") == [{"many": 0}])
    (run.project / "other.pipe").unlink()
    until(lambda: run.data("other") == 404)
