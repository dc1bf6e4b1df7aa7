"""A load generator in a process of its own: raw keep-alive connections, prepared requests, the time of each answer.

It reads a JSON object from standard input (`host`, `port`, `requests` in base64, `connections`, `seconds`) and writes
one to standard output. Nothing of a request is made, and nothing of a body is looked at, while the clock runs: what
the client itself costs is told too, so that a reader sees whether it was what was measured.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench import OWN_MODULES
from bench.errors import BenchError
from bench.figures import percentile
from bench.load.connection import Connection, read_head
from service import event_loop

# What a request may take at most.
_ANSWER_SECONDS = 60.0
_LOOK_SECONDS = 0.5
# Of the text of a refusal.
_SHOWN_BYTES = 300


@dataclass(frozen=True, slots=True)
class Load:
    """What was answered within the time: seconds of the accepted (2xx) and of the refused requests, the first
    refusal's text, and the client's own processor time."""

    wall_seconds: float
    accepted: tuple[float, ...]
    refused: tuple[float, ...]
    refusal: str
    client_cpu_seconds: float

    @property
    def rate(self) -> float:
        """Accepted requests a second."""
        return len(self.accepted) / self.wall_seconds

    def latency(self, percent: float) -> float:
        """Seconds of the accepted. Raises `BenchError` when there are none."""
        if not self.accepted:
            raise BenchError(f"no request was accepted: {self.refusal or 'no answer'}")
        return percentile(self.accepted, percent)

    def as_dict(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "wall_seconds": self.wall_seconds,
            "requests": len(self.accepted),
            "refused": len(self.refused),
            "requests_per_second": self.rate,
            "client_cpu_seconds": self.client_cpu_seconds,
        }
        if self.accepted:
            names = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
            facts["seconds"] = {name: self.latency(percent) for name, percent in names.items()}
        return facts | ({"refusal": self.refusal} if self.refusal else {})


def run_load(address: tuple[str, int], requests: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Send requests in turn over so many connections, one at a time on each, for so many seconds. Blocks.

    No two connections send the same one, if there are as many.

    Raises `BenchError` when a connection breaks.
    """
    order = {
        "host": address[0],
        "port": address[1],
        "requests": [base64.b64encode(request).decode() for request in requests],
        "connections": connections,
        "seconds": seconds,
    }
    child = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", __name__],
        env=os.environ | OWN_MODULES,
        input=json.dumps(order).encode(),
        capture_output=True,
        timeout=seconds + 2 * _ANSWER_SECONDS,
        check=False,
    )
    if child.returncode != 0:
        last = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise BenchError(f"the load generator failed: {last[0] if last else 'no reason given'}")
    told = json.loads(child.stdout)
    return Load(**{**told, "accepted": tuple(told["accepted"]), "refused": tuple(told["refused"])})


class _Generator:
    """Keeps every connection asking until the time is over, and notes what each answer took."""

    def __init__(self, requests: Sequence[bytes], connections: int, seconds: float) -> None:
        # Connections have requests of their own, where there are enough: the API asks what is the same and under way
        # once, and ClickHouse does not.
        left_out = len(requests) % connections if len(requests) > connections else 0
        self._requests = requests[: len(requests) - left_out]
        self._number = connections
        self._seconds = seconds
        self._until = 0.0
        # Of each connection that asks: when its request was sent, and which it was.
        self._began: dict[Connection, float] = {}
        self._places: dict[Connection, int] = {}
        self._accepted: list[float] = []
        self._refused: list[float] = []
        self._refusal = ""
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, host: str, port: int) -> dict[str, Any]:
        """What `Load` is made of. Raises `ConnectionError` when a connection ends before the time does."""
        loop = asyncio.get_running_loop()
        opened = [
            (await loop.create_connection(lambda: Connection(self._answered, self._lost), host, port))[1]
            for _ in range(self._number)
        ]
        watch = asyncio.create_task(self._refuse_late())
        cpu_before, started = time.process_time(), time.perf_counter()
        self._until = started + self._seconds
        for place, connection in enumerate(opened):
            self._places[connection] = place
            self._ask(connection, time.perf_counter())
        try:
            await self._ended
        finally:
            wall, cpu = time.perf_counter() - started, time.process_time() - cpu_before
            watch.cancel()
            for connection in opened:
                connection.close()
        return {
            "wall_seconds": wall,
            "accepted": self._accepted,
            "refused": self._refused,
            "refusal": self._refusal,
            "client_cpu_seconds": cpu,
        }

    def _ask(self, connection: Connection, now: float) -> None:
        self._began[connection] = now
        connection.ask(self._requests[self._places[connection] % len(self._requests)])

    def _answered(self, connection: Connection, status: int, answer: bytearray) -> None:
        now = time.perf_counter()
        began = self._began.pop(connection, None)
        if began is None:
            return  # it was too late
        if 200 <= status < 300:
            self._accepted.append(now - began)
        else:
            head = read_head(answer)
            body = answer[head.size : head.size + _SHOWN_BYTES] if head else b""
            self._refuse(now - began, f"{status} {body.decode(errors='replace')}")
        if now < self._until:
            self._places[connection] += self._number
            self._ask(connection, now)
        else:
            self._end_when_all_have()

    def _refuse(self, seconds: float, reason: str) -> None:
        self._refused.append(seconds)
        self._refusal = self._refusal or reason

    def _lost(self, connection: Connection) -> None:
        if connection in self._began and not self._ended.done():
            self._ended.set_exception(ConnectionError("the connection ended in the middle of an answer"))

    async def _refuse_late(self) -> None:
        """What an overloaded side does not answer is as good as refused, and its connection is lost."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = time.perf_counter()
            for connection, began in list(self._began.items()):
                if now - began > _ANSWER_SECONDS:
                    del self._began[connection]
                    self._refuse(now - began, f"no answer within {_ANSWER_SECONDS:.0f} s")
                    connection.close()
                    self._end_when_all_have()

    def _end_when_all_have(self) -> None:
        if not self._began and not self._ended.done():
            self._ended.set_result(None)


async def _generate(order: dict[str, Any]) -> dict[str, Any]:
    requests = [base64.b64decode(text) for text in order["requests"]]
    return await _Generator(requests, order["connections"], order["seconds"]).run(order["host"], order["port"])


def main() -> None:
    json.dump(event_loop.run(_generate(json.load(sys.stdin))), sys.stdout)


if __name__ == "__main__":
    main()
