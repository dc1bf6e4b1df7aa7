"""Every fault with its load going on; afterwards every produced id must be stored once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import scenarios  # noqa: F401  its modules register
from tests.faults.conftest import ServersFor
from tests.faults.house import FaultHouse
from tests.faults.registry import FAULTS
from tests.faults.workers import WorkerPool


@pytest.mark.parametrize("name", FAULTS)
def test_fault(
    servers_for: ServersFor,
    pool: WorkerPool,
    tmp_path: Path,
    name: str,
    seed: int,
    code: str,
) -> None:
    print(f"FAULT_SEED={seed}")
    fault = FAULTS[name]
    with FaultHouse(servers_for(fault.setup), pool, tmp_path / "project", name, fault.setup, seed, code) as house:
        fault.scenario(house)
