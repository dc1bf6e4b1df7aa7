"""The faults are real: with the matching protection switched off, the same judge finds events lost or doubled.

Run by `make faults BITES=1`. A pair is tried until something is found, at most as often as it says.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.faults import house as houses
from tests.faults import scenarios  # noqa: F401  its modules register
from tests.faults.conftest import FIRST_SEED, ServersFor
from tests.faults.house import FaultHouse
from tests.faults.judge import RESULTS
from tests.faults.registry import FAULTS
from tests.faults.workers import WorkerPool

TRIES = 4
# What does not come true within this time is taken for stuck, also on a machine that others use.
PATIENCE_SECONDS = 60.0
# Record and scan each find what a dead owner stored without committing it; record, fence and token each keep a late
# insert of a former owner from being counted twice. So both of them go, where one alone would hide the other's absence.
REMEMBERED = ("record", "scan")
LATE = ("fence", "record")
BITES = [
    ("worker killed beside another", REMEMBERED),
    ("worker killed beside another", ("order",)),
    ("only worker killed, three times", REMEMBERED),
    ("only worker killed, three times", ("order",)),
    ("killed before send", ("order",)),
    ("killed before commit", REMEMBERED),
    ("killed mid commit", REMEMBERED),
    ("killed mid body", ("order",)),
    ("killed after the body", REMEMBERED),
    ("killed mid fence", REMEMBERED),
    ("killed mid await", REMEMBERED),
    ("killed mid scan", REMEMBERED),
    ("killed while revoking", REMEMBERED),
    ("owner frozen past its session", LATE),
    ("only owner frozen until another has taken over", LATE),
    ("insert held back, nothing of it sent", LATE),
    ("insert held back, half of it sent", LATE),
    ("insert held back, all of it sent", REMEMBERED),
    ("connection reset after the body, and answers lost", ("token",)),
    ("body truncated", ("retry",)),
    ("ClickHouse unreachable", ("retry",)),
    ("ClickHouse unreachable", ("backoff",)),
    ("inserts time out", ("token",)),
    ("ClickHouse answers 252, 241, 159, 242, 210", ("retry",)),
    ("ClickHouse answers with errors and has stored all", ("token",)),
    ("inserts slower than max.poll.interval.ms", ("own thread",)),
    ("ClickHouse killed during inserts and merges", ("retry",)),
    ("ClickHouse killed during inserts and merges", ("token",)),
    ("broker killed", REMEMBERED),
    ("broker away longer than the session time-out", ("short session",)),
    ("broker frozen", ("looks",)),
    ("ClickHouse frozen", ("looks",)),
    ("API that may not write", ("renewal",)),
    ("insert over several table partitions fails half-way", ("token",)),
    ("insert over several table partitions fails half-way", ("record",)),
    ("a materialized view throws, and the worker dies", ("record",)),
    ("a materialized view throws, and the worker dies", ("token",)),
    ("a view beside a chain throws at some events", ("record",)),
    ("a view beside a chain throws at some events", ("token",)),
    ("a view beside a chain throws at some events", ("retry",)),
    ("a mapping view dropped by hand, behind rollups", ("view guard",)),
    ("disk full", ("retry",)),
    ("workers joining and leaving, protocol classic", ("drain", *REMEMBERED)),
    ("workers joining and leaving, protocol consumer", ("drain", *REMEMBERED)),
    ("rebalance storm", REMEMBERED),
    ("poison, 1% of the events", ("quarantine",)),
    ("poison, 50% of the events", ("quarantine",)),
    ("poison, 100% of the events", ("quarantine",)),
    ("topic made again while no worker runs", ("topic id",)),
    ("topic made again under a running worker", ("topic id",)),
    ("topic made again under a running worker, and soon longer", ("topic watch",)),
    ("partitions added, the group begins at the end", ("partition count",)),
    ("failures that nobody expected, in every thread", ("going on",)),
    ("offsets expired", ("stop out of range",)),
    ("group's offsets set back by hand", ("scan",)),
    ("messages of 10 MB", ("large answers",)),
    ("a partition without events", REMEMBERED),
    ("a hundred data sources", ("order",)),
    ("rolling restart of both services", ("grace",)),
    ("mapping replaced while batches are half stored", ("settled close",)),
    ("views filled while answers are lost", ("settled cut",)),
    ("column dropped by hand", ("column guard",)),
]


@pytest.mark.parametrize(("name", "without"), BITES, ids=lambda part: part if isinstance(part, str) else "+".join(part))
def test_bite(
    servers_for: ServersFor,
    pool: WorkerPool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    without: tuple[str, ...],
    code: str,
) -> None:
    monkeypatch.setattr(houses, "PATIENCE_SECONDS", PATIENCE_SECONDS)
    fault = FAULTS[name]
    for number in range(TRIES):
        before = len(RESULTS)
        folder = tmp_path / str(number)
        with (
            contextlib.suppress(AssertionError),
            FaultHouse(
                servers_for(fault.setup), pool, folder, name, fault.setup, FIRST_SEED + number, code, without
            ) as house,
        ):
            fault.scenario(house)
        if any(result.is_found for result in RESULTS[before:]):
            return
    pytest.fail(f"{TRIES} rounds without {', '.join(without)}, and nothing was found")
