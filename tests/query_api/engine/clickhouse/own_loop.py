"""An event loop whose clock and name server are a test's: nobody waits for seconds, and any name can be anywhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any


class OwnLoop(asyncio.SelectorEventLoop):
    """`skipped` are the seconds that its clock is before the system's; `hosts` are the addresses of names, with ports
    of their own, and `found` are the names that were asked for."""

    skipped = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.hosts: dict[str, list[tuple[str, int]]] = {}
        self.found: list[str] = []

    def time(self) -> float:
        return super().time() + self.skipped

    async def skip(self, seconds: float) -> None:
        """Let that time pass at once; what is due is done afterwards."""
        self.skipped += seconds
        # Twice: what is due may have something done that is done in the next turn.
        await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        self.found.append(host)
        if host not in self.hosts:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in self.hosts[host]]


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run it on such a loop, which is `asyncio.get_running_loop()`."""
    with asyncio.Runner(loop_factory=OwnLoop) as runner:
        runner.run(scenario)


def own_loop() -> OwnLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, OwnLoop)
    return loop
