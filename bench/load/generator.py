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

_HEAD_END = b"\r\n\r\n"
_CHUNKED_END = b"0\r\n\r\n"
# What a request may take at most.
_ANSWER_SECONDS = 60.0
_READ_BYTES = 262_144


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


class Connection:
    """One keep-alive connection that sends a request and reads its whole answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer (a chunked one as it came)."""
        self._writer.write(request)
        head = await self._reader.readuntil(_HEAD_END)
        status = int(head[9:12])
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            return status, await self._chunks()
        place = lower.find(b"content-length:")
        if place < 0:
            return status, b""
        length = int(lower[place + 15 : lower.index(b"\r\n", place)])
        return status, await self._reader.readexactly(length)

    async def _chunks(self) -> bytes:
        body = bytearray()
        while not body.endswith(_CHUNKED_END):
            piece = await self._reader.read(_READ_BYTES)
            if not piece:
                raise ConnectionError("the connection ended in the middle of an answer")
            body += piece
        return bytes(body)

    def close(self) -> None:
        self._writer.close()


async def _generate(order: dict[str, Any]) -> dict[str, Any]:
    requests = [base64.b64decode(text) for text in order["requests"]]
    accepted: list[float] = []
    refused: list[float] = []
    refusal = ""

    async def keep_asking(connection: Connection, number: int, until: float) -> None:
        nonlocal refusal
        place = number
        while (started := time.perf_counter()) < until:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    status, body = await connection.ask(requests[place % len(requests)])
            except TimeoutError:
                # What an overloaded side does not answer is as good as refused, and this connection is lost.
                refused.append(time.perf_counter() - started)
                refusal = refusal or f"no answer within {_ANSWER_SECONDS:.0f} s"
                return
            taken = time.perf_counter() - started
            if 200 <= status < 300:
                accepted.append(taken)
            else:
                refused.append(taken)
                refusal = refusal or f"{status} {body[:300].decode(errors='replace')}"
            place += order["connections"]

    opened = [
        Connection(*await asyncio.open_connection(order["host"], order["port"], limit=_READ_BYTES))
        for _ in range(order["connections"])
    ]
    cpu_before, started = time.process_time(), time.perf_counter()
    await asyncio.gather(
        *(keep_asking(connection, number, started + order["seconds"]) for number, connection in enumerate(opened))
    )
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu_before
    for connection in opened:
        connection.close()
    return {
        "wall_seconds": wall,
        "accepted": accepted,
        "refused": refused,
        "refusal": refusal,
        "client_cpu_seconds": cpu,
    }


def main() -> None:
    json.dump(asyncio.run(_generate(json.load(sys.stdin))), sys.stdout)


if __name__ == "__main__":
    main()
