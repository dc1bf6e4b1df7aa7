"""Replays that are killed, taken over, or meet a view that throws: run again, they end as one that was not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from deploy.errors import TakenOverError
from deploy.operations.replay.claim import claim, delete
from ingest_worker.storing.batch import Origin
from ingest_worker.storing.fence.ownership import Claim, new_owner, take_ownership
from schemas.mapping.landing import replay_key
from tests.integration.operations.replayed import PARTITIONS, Scene, each, until
from tests.servers import ClickHouseServer

pytestmark = pytest.mark.needs("kafka", "clickhouse")


@pytest.fixture
def scene(kafka: str, clickhouse: ClickHouseServer, clickhouse_client: Client, database: str, tmp_path: Path) -> Scene:
    return Scene(kafka, clickhouse, clickhouse_client, database, tmp_path)


def test_a_replay_that_was_taken_over_stops_and_goes_on_when_it_is_run_again(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(20_000)
    process = scene.start("--since", "2020-01-01", BIRDHOUSE_INGEST_BATCH_ROWS="500")
    until(lambda: len(scene.ids) > 1_000)
    ids = scene.rows("SELECT DISTINCT __topic_id FROM @")
    keys = tuple(replay_key(scene.name, ids[0][0], number) for number in range(PARTITIONS))
    take_ownership(scene.client, scene.name, Claim(keys, new_owner(scene.name)))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "took" in errors
    assert "run it again" in errors
    assert scene.replay("--since", "2020-01-01")[0] == 0
    assert (scene.ids, scene.counted) == (each(0, 19_999), 40_000)


Arguments = tuple[str, ...]


@pytest.mark.parametrize("arguments", [("--since", "2020-01-01"), ("--since", "2020-01-01", "--replace", "--yes")])
def test_killed_at_random_moments_it_goes_on_and_the_result_is_the_same(scene: Scene, arguments: Arguments) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(25_000, bad_every=7)
    chance = random.Random(7)
    kills = _kill_and_run_again(scene, chance, *arguments)
    assert kills >= 3
    good = [number for number in each(0, 24_999) if number // PARTITIONS % 7]
    assert (scene.ids, scene.counted) == (good, len(good))
    assert len(scene.quarantined) == 50_000 - len(good)


def test_a_move_out_of_quarantine_that_is_killed_goes_on(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(10_000, bad_every=1)
    assert scene.replay("--since", "2020-01-01")[0] == 0
    assert len(scene.quarantined) == 20_000
    scene.deploy(note="Nullable(String)")
    kills = _kill_and_run_again(scene, random.Random(3), "--quarantine")
    assert kills >= 3
    assert (scene.ids, scene.counted, scene.quarantined) == (each(0, 9_999), 20_000, [])


def _kill_and_run_again(scene: Scene, chance: random.Random, *arguments: str, most: int = 5) -> int:
    """Kill the command at random moments of its work, at most so often, then let it end. How often it was killed."""
    kills = 0
    while kills < most:
        before = _count(scene)
        process = scene.start(*arguments, BIRDHOUSE_INGEST_BATCH_ROWS="1000")
        # mypy does not infer a lambda's defaults.
        until(lambda process=process, before=before: process.poll() is not None or _count(scene) != before)  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.4))
        if process.poll() is not None:
            _, errors = process.communicate()
            assert process.returncode == 0, errors
            return kills
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        kills += 1
    code, _, errors = scene.replay(*arguments)
    assert code == 0, errors
    return kills


def _count(scene: Scene) -> int:
    return int(scene.rows("SELECT count() FROM @")[0][0])


def test_a_view_that_throws_half_way_gets_what_it_missed_and_nothing_twice(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(3_000)
    name = scene.name
    scene.client.command(f"CREATE TABLE `{name}`.broken (x Int8) ENGINE = MergeTree ORDER BY x")
    scene.client.command(f"INSERT INTO `{name}`.broken VALUES (1)")
    scene.client.command(
        f"CREATE MATERIALIZED VIEW `{name}`.throwing TO `{name}`.rollup"
        f" AS SELECT toInt32(part + 100) AS part, 1 AS events FROM `{name}`.`{name}`"
        f" WHERE NOT throwIf(id > 100 AND (SELECT count() FROM `{name}`.broken) > 0)"
    )
    code, _, errors = scene.replay("--since", "2020-01-01")
    assert code == 1
    assert "run the replay again" in errors
    half = len(scene.ids)
    scene.client.command(f"TRUNCATE TABLE `{name}`.broken")
    code, document, errors = scene.replay("--since", "2020-01-01")
    assert code == 0, errors
    assert half > 0
    assert document["partitions"][0]["completed"] == 3_000
    assert scene.ids == each(0, 2_999)
    assert scene.rows(f"SELECT part < 100 AS own, sum(events) FROM `{name}`.rollup GROUP BY own ORDER BY own") == [
        (0, 6_000),
        (1, 6_000),
    ]


def test_a_worker_goes_on_beside_it_and_one_that_takes_over_ends_it(scene: Scene) -> None:
    scene.deploy()
    scene.rollup()
    scene.topic(30_000, commit=False)
    scene.commit(20_000)
    process = scene.start("--since", "2020-01-01", BIRDHOUSE_INGEST_BATCH_ROWS="200")
    until(lambda: len(scene.ids) > 500)
    worker = subprocess.Popen(
        [sys.executable, "-m", "ingest_worker"],
        env=scene.environment(BIRDHOUSE_INGEST_ADMIN_PORT="0"),
        stderr=subprocess.DEVNULL,
    )
    try:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "took" in errors
        until(lambda: scene.rows("SELECT count() FROM @ WHERE __offset >= 20000") == [(20_000,)])
        # From now on nobody takes anything over: both go on.
        code, document, errors = scene.replay("--since", "2020-01-01")
        assert code == 0, errors
        assert sum(part["stored"] + part["completed"] for part in document["partitions"]) > 0
        assert worker.poll() is None
    finally:
        # Not killed: a member that is gone without a word would be in the way of the next test's commits.
        worker.terminate()
        worker.wait(60)
    assert (scene.ids, scene.counted) == (each(0, 29_999), 60_000)


def test_a_deletion_of_a_former_replay_removes_nothing(scene: Scene) -> None:
    scene.deploy()
    scene.topic(100)
    assert scene.replay("--since", "2020-01-01")[0] == 0
    topic_id = scene.rows("SELECT any(__topic_id) FROM @")[0][0]
    former = claim(scene.client, scene.name, Origin(scene.name, scene.name, topic_id, 0))
    claim(scene.client, scene.name, Origin(scene.name, scene.name, topic_id, 0))
    with pytest.raises(TakenOverError):
        delete(scene.client, scene.name, former, [scene.name], "1")
    assert scene.ids == each(0, 99)
