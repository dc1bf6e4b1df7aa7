"""A request arrives whole, and the connection ends instead of the answer: nobody was told what became of an insert."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import time

from tests.faults.house import FaultHouse
from tests.ingest_worker.house import Line

RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class ForgetfulLine(Line):
    """A line that resets connections when an answer comes, as often as `share` says."""

    def __init__(self, target: str, chance: random.Random) -> None:
        self.share = 0.0
        self.lost = 0
        self._chance = chance
        super().__init__(target)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        is_answer = source.getpeername() == self._target
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_answer and self._chance.random() < self.share:
                    self.lost += 1
                    sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                    sink.close()
                    break
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()


def test_answers_lost(house: FaultHouse, chance: random.Random) -> None:
    line = ForgetfulLine(house.url, chance)
    house.start(url=line.url)
    line.share = 0.3
    time.sleep(chance.uniform(4, 8))
    line.share = 0.0
    house.judge()
    assert line.lost > 0
