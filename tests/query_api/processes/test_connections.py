"""Connections between the parent and its processes, at every moment at which a process may be gone or busy."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from query_api.processes.between.giving import REPORT, TAKEN, Giver, Recipient, listen

pytestmark = pytest.mark.sockets


class Process:
    """The process's side, which does what a test says."""

    def __init__(self, stack: ExitStack) -> None:
        ours, its = socket.socketpair()
        self.recipient = Recipient(ours)
        self.end = stack.enter_context(its)
        self.end.setblocking(False)
        self.taken: list[socket.socket] = []
        self._stack = stack

    async def takes(self, count: int, *, says_so: bool = True) -> None:
        """Wait for so many connections."""
        async with asyncio.timeout(5):
            for _ in range(count):
                while True:
                    try:
                        _, descriptors, _, _ = socket.recv_fds(self.end, 1, 1)
                        break
                    except BlockingIOError:
                        await asyncio.sleep(0.001)
                self.taken.append(self._stack.enter_context(socket.socket(fileno=descriptors[0])))
                if says_so:
                    self.end.send(REPORT.pack(TAKEN, len(self.taken)))

    def gets_nothing(self) -> bool:
        try:
            socket.recv_fds(self.end, 1, 1)
        except BlockingIOError:
            return True
        return False


class Port:
    """A port whose connections are given."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        sockets = listen("127.0.0.1", 0)
        self.address = sockets[0].getsockname()
        self.giver = Giver(sockets)

    def connect(self) -> socket.socket:
        made = self._stack.enter_context(socket.create_connection(self.address, timeout=5))
        made.settimeout(5)
        return made


@pytest.fixture
async def stack() -> AsyncIterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
async def port(stack: ExitStack) -> AsyncIterator[Port]:
    made = Port(stack)
    yield made
    made.giver.close()
    made.giver.abandon()


async def test_callers_wait_until_somebody_takes_connections(stack: ExitStack, port: Port) -> None:
    caller = port.connect()
    caller.sendall(b"hello")
    process = Process(stack)
    await asyncio.sleep(0.02)
    assert process.gets_nothing()
    port.giver.add(process.recipient)
    await process.takes(1)
    assert process.taken[0].recv(5) == b"hello"
    port.giver.remove(process.recipient)


async def test_what_a_dead_process_had_not_taken_goes_to_another(stack: ExitStack, port: Port) -> None:
    first, second = Process(stack), Process(stack)
    port.giver.add(first.recipient)
    callers = [port.connect() for _ in range(3)]
    for number, caller in enumerate(callers):
        caller.sendall(b"%d" % number)
    await first.takes(1)
    await first.takes(1, says_so=False)  # it dies with this one in its hands, before it says so
    await asyncio.sleep(0.02)
    first.end.close()
    port.giver.add(second.recipient)
    port.giver.remove(first.recipient)
    await second.takes(2)
    assert [taken.recv(1) for taken in second.taken] == [b"1", b"2"]
    port.giver.remove(second.recipient)


async def test_a_process_that_takes_nothing_gets_a_few_and_the_others_the_rest(stack: ExitStack, port: Port) -> None:
    stuck, other = Process(stack), Process(stack)
    port.giver.add(stuck.recipient)
    port.giver.add(other.recipient)
    for _ in range(100):
        port.connect()
    await other.takes(68)
    assert len(stuck.recipient.untaken) == 32
    for process in (stuck, other):
        port.giver.remove(process.recipient)


async def test_when_nobody_takes_any_more_the_rest_waits(stack: ExitStack, port: Port) -> None:
    process = Process(stack)
    port.giver.add(process.recipient)
    for _ in range(50):
        port.connect()
    await process.takes(32, says_so=False)
    await asyncio.sleep(0.02)
    assert process.gets_nothing()
    for number in range(1, 33):
        process.end.send(REPORT.pack(TAKEN, number))
    await process.takes(18)
    port.giver.remove(process.recipient)


async def test_one_that_is_spared_keeps_what_it_has(stack: ExitStack, port: Port) -> None:
    spared, other = Process(stack), Process(stack)
    port.giver.add(spared.recipient)
    port.connect()
    await spared.takes(1)
    port.giver.add(other.recipient)
    port.giver.spare(spared.recipient)
    port.connect()
    port.connect()
    await other.takes(2)
    assert spared.gets_nothing()
    for process in (spared, other):
        port.giver.remove(process.recipient)


async def test_what_is_connected_when_it_closes_is_given_still(stack: ExitStack, port: Port) -> None:
    process = Process(stack)
    port.giver.add(process.recipient)
    caller = port.connect()  # the loop had no turn: nobody accepted it yet
    port.giver.close()
    await process.takes(1)
    caller.sendall(b"x")
    assert process.taken[0].recv(1) == b"x"
    with pytest.raises(ConnectionRefusedError):
        port.connect()
    port.giver.remove(process.recipient)


async def test_reports_may_come_in_pieces(stack: ExitStack, port: Port) -> None:
    process = Process(stack)
    port.giver.add(process.recipient)
    port.connect()
    port.connect()
    await process.takes(2, says_so=False)
    for byte in REPORT.pack(TAKEN, 1) + REPORT.pack(TAKEN, 2) + REPORT.pack(b"=", 1):
        process.end.send(bytes([byte]))
        await asyncio.sleep(0.001)
    assert (process.recipient.connections, len(process.recipient.untaken)) == (1, 0)
    port.giver.remove(process.recipient)
