"""The short run of everything: sizes that show that each bench works, within a minute or two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from deploy.bench.events import EventsBench
from deploy.bench.events import Options as EventsOptions
from deploy.bench.freshness import FreshnessBench
from deploy.bench.freshness import Options as FreshnessOptions
from deploy.bench.growth import GrowthBench
from deploy.bench.growth import Options as GrowthOptions
from deploy.bench.ingest import IngestBench
from deploy.bench.ingest import Options as IngestOptions
from deploy.bench.query import Options as QueryOptions
from deploy.bench.query import QueryBench
from deploy.bench.start import Options as StartOptions
from deploy.bench.start import StartBench

INGEST = IngestOptions(events=300_000, rounds=1)
QUERY = QueryOptions(rows=300_000, rounds=1, seconds=1.0)
EVENTS = EventsOptions(rounds=1, seconds=2.0)
GROWTH = GrowthOptions(max_rows=1_000_000, first_rows=100_000, rounds=1)
FRESHNESS = FreshnessOptions(rate=2_000, probes=10, rounds=1)
START = StartOptions(pipes=500, rounds=1)

Say = Callable[[str], None]

SHORT: tuple[tuple[str, dict[str, Any], Callable[..., Any]], ...] = (
    ("ingest", asdict(INGEST), lambda space, record, say: IngestBench(space, INGEST, record, say)),
    ("query", asdict(QUERY), lambda space, record, say: QueryBench(space, QUERY, record, say)),
    ("events", asdict(EVENTS), lambda space, record, say: EventsBench(space, EVENTS, record, say)),
    ("growth", asdict(GROWTH), lambda space, record, say: GrowthBench(space, GROWTH, record, say)),
    ("freshness", asdict(FRESHNESS), lambda space, record, say: FreshnessBench(space, FRESHNESS, record, say)),
    ("start", asdict(START), lambda space, record, say: StartBench(space, START, record, say)),
)
