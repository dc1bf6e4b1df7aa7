"""How many cores this process may use: of those of the machine, what its affinity and its control groups leave it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def usable_cores(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> int:
    """At least 1. A quota of one and a half cores counts as two: the half is there to be used."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = min(_quotas(cgroups, own), default=math.inf)
    return affinity if quota >= affinity else max(1, math.ceil(quota))


def _quotas(cgroups: Path, own: Path) -> Iterator[float]:
    """The quota, in cores, of each control group that the process is in, from its own up to the outermost."""
    for line in _text(own).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        root = cgroups if number == "0" else cgroups / controllers
        if number != "0" and "cpu" not in controllers.split(","):
            continue
        # Inside a container the path is the host's, or `/`: what can be seen of it is looked at.
        inner = PurePosixPath(path.lstrip("/"))
        for folder in dict.fromkeys((root / inner, *(root / parent for parent in inner.parents), root)):
            yield from _quota_of(folder)


def _quota_of(folder: Path) -> Iterator[float]:
    quota, _, period = _text(folder / "cpu.max").strip().partition(" ")  # version 2
    if not quota:
        quota, period = _text(folder / "cpu.cfs_quota_us").strip(), _text(folder / "cpu.cfs_period_us").strip()
    if quota.isdecimal() and period.isdecimal() and int(period):
        yield int(quota) / int(period)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
