"""A transport that keeps what is written, for protocols that are tried without sockets."""

from __future__ import annotations

import asyncio


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))
