"""Workers as processes, the next one always loaded and waiting, so that a round does not wait for imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

_PROGRAM = "tests.faults.altered_worker"
_ROOT = Path(__file__).parents[2]
_SPARE = 2


class WorkerPool:
    """Processes of `altered_worker.py` that wait for their orders."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._waiting: deque[tuple[subprocess.Popen[bytes], Path]] = deque()

    def start(
        self,
        environment: Mapping[str, str],
        *,
        die_at: str = "",
        count: int = 1,
        seed: int = 0,
        without: Sequence[str] = (),
    ) -> tuple[subprocess.Popen[bytes], Path]:
        """A worker that runs from now on, and its log."""
        while len(self._waiting) < _SPARE:
            self._waiting.append(self._load())
        process, log = self._waiting.popleft()
        order = {"environment": dict(environment), "die_at": die_at, "count": count, "seed": seed, "without": without}
        assert process.stdin is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.close()
        self._waiting.append(self._load())
        return process, log

    def close(self) -> None:
        for process, _ in self._waiting:
            assert process.stdin is not None
            process.stdin.close()
            process.kill()
            process.wait()

    def _load(self) -> tuple[subprocess.Popen[bytes], Path]:
        self._count += 1
        log = self._folder / f"worker-{self._count}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", _PROGRAM],
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stderr=output,
                env=dict(os.environ),
            )
        return process, log
