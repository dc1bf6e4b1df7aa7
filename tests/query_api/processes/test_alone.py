"""One process, without a parent: SIGHUP swaps its project too, or keeps the one before."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.query_api.processes.running import FakeClickHouse, running, write_project

pytestmark = [pytest.mark.sockets, pytest.mark.slow]  # each starts processes, which takes seconds


def test_it_reads_its_project_anew_or_keeps_the_one_before(tmp_path: Path, clickhouse: FakeClickHouse) -> None:
    with running(tmp_path, clickhouse, {"BIRDHOUSE_API_PROCESSES": "1"}) as api:
        api.listens()
        first = api.status()["project"]
        write_project(api.project, fresh="SELECT 'fresh'")
        os.kill(api.process.pid, signal.SIGHUP)
        api.until(lambda: api.lines("the project was read anew"))
        second = api.status()
        assert (second["pipes"], api.ask("/v0/pipes/fresh.json")[0]) == (["fresh"], 200)
        assert second["project"] not in ("", first)
        assert api.ask("/v0/pipes/quick.json")[0] == 404
        (api.project / "broken.pipe").write_text("NODE endpoint\nSQL >\n    SELECT 1\nTYPE nonsense\n")
        os.kill(api.process.pid, signal.SIGHUP)
        api.until(lambda: api.lines("the one before goes on"))
        assert (api.status()["project"], api.ask("/v0/pipes/fresh.json")[0]) == (second["project"], 200)
        assert api.metric("birdhouse_api_project_swaps_total{") == 2
        # Nothing of several processes is in its way.
        assert "processes" not in api.status()
        assert "process" not in api.lines("request")[0]
        assert api.end() == 0


def test_other_brokers_need_a_start(tmp_path: Path, clickhouse: FakeClickHouse) -> None:
    with running(tmp_path, clickhouse, {"BIRDHOUSE_API_PROCESSES": "1"}) as api:
        api.listens()
        (api.project / "mine.connection").write_text("TYPE kafka\nKAFKA_BOOTSTRAP_SERVERS other:9092\n")
        (api.project / "events.datasource").write_text(
            "SCHEMA >\n    `a` String `json:$.a`\n\nKAFKA_CONNECTION_NAME mine\nKAFKA_TOPIC a\nKAFKA_GROUP_ID b\n"
        )
        os.kill(api.process.pid, signal.SIGHUP)
        api.until(lambda: api.lines("the one before goes on"))
        assert "other brokers" in api.lines("the one before goes on")[0]["problem"]
        assert api.status()["data_sources"] == []
