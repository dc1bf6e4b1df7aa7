"""What processes cost by the kernel's own books, /proc: processor time and memory of a process group."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
# The unit of the times in /proc/PID/stat, by proc(5): a hundredth of a second almost everywhere.
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Their places after the name, which stands in brackets and may hold anything (proc_pid_stat(5) counts from 1).
_PROCESS_GROUP, _USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = (number - 3 for number in (5, 14, 15, 16, 17))


class Accounts:
    """What process groups have cost since this was made."""

    def __init__(self, groups: Mapping[str, int]) -> None:
        self._groups = groups
        self._before = {name: cpu_seconds(group) for name, group in groups.items()}

    def micros_each(self, events: int) -> dict[str, float]:
        """µs of processor time an event, for each group that the kernel tells of."""
        now = {name: cpu_seconds(group) for name, group in self._groups.items()}
        return {
            name: (after - before) / events * 1e6
            for name, before in self._before.items()
            if before is not None and (after := now[name]) is not None
        }

    def peak_memory(self) -> dict[str, int]:
        found = {name: peak_memory(group) for name, group in self._groups.items()}
        return {name: size for name, size in found.items() if size is not None}


@dataclass(frozen=True, slots=True)
class Stat:
    """What matters of one /proc/PID/stat; `cpu_seconds` counts children that ended and were waited for too."""

    process_group: int
    cpu_seconds: float


def parse_stat(text: str) -> Stat:
    fields = text.rpartition(")")[2].split()
    ticks = sum(int(fields[place]) for place in (_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM))
    return Stat(int(fields[_PROCESS_GROUP]), ticks / TICKS_PER_SECOND)


def parse_peak_memory(text: str) -> int | None:
    """The largest resident size in bytes that a /proc/PID/status tells of; None for a process without memory."""
    for line in text.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def cpu_seconds(process_group: int | None, proc: Path = PROC) -> float | None:
    """User and system time of a group since its processes started; None where the kernel does not tell."""
    found = [stat.cpu_seconds for _, stat in _members(process_group, proc)]
    return sum(found) if found else None


def peak_memory(process_group: int | None, proc: Path = PROC) -> int | None:
    """The sum of the largest resident sizes of a group's processes, in bytes; None where the kernel does not tell."""
    found = []
    for folder, _ in _members(process_group, proc):
        try:
            found.append(parse_peak_memory((folder / "status").read_text()) or 0)
        except OSError:
            continue  # it ended meanwhile
    return sum(found) if found else None


def _members(process_group: int | None, proc: Path) -> Iterator[tuple[Path, Stat]]:
    if process_group is None or not proc.is_dir():
        return
    for folder in proc.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            stat = parse_stat((folder / "stat").read_text())
        except OSError:
            continue
        if stat.process_group == process_group:
            yield folder, stat
