"""The cores that are left to a process by its affinity and by control groups of both versions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from query_api.processes.cores import usable_cores


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def cores(tmp_path: Path, own: str, **files: str) -> int:
    for name, text in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "own").write_text(own)
    return usable_cores(tmp_path / "cgroup", tmp_path / "own")


def test_without_control_groups_the_affinity_counts(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "nowhere", tmp_path / "neither") == 8


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("990000 100000", 8),
        ("?", 8),
    ],
)
def test_a_quota_of_version_2(quota: str, expected: int, tmp_path: Path) -> None:
    assert cores(tmp_path, "0::/\n", **{"cpu.max": quota + "\n"}) == expected


def test_the_narrowest_of_nested_groups_counts(tmp_path: Path) -> None:
    files = {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000", "a/b/c/cpu.max": "500000 100000"}
    assert cores(tmp_path, "0::/a/b/c\n", **files) == 3


def test_a_path_of_the_hosts_is_looked_for_from_the_containers_root(tmp_path: Path) -> None:
    assert cores(tmp_path, "0::/docker/0123\n", **{"cpu.max": "100000 100000"}) == 1


def test_a_quota_of_version_1(tmp_path: Path) -> None:
    files = {"cpu,cpuacct/x/cpu.cfs_quota_us": "250000", "cpu,cpuacct/x/cpu.cfs_period_us": "100000"}
    assert cores(tmp_path, "3:memory:/y\n4:cpu,cpuacct:/x\n", **files) == 3
    files = {"cpu,cpuacct/x/cpu.cfs_quota_us": "-1"}
    assert cores(tmp_path, "4:cpu,cpuacct:/x\n", **files) == 8
