"""What SIGHUP does: where somebody sent it, and where it says that the terminal is gone."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys

import pytest

from query_api.processes.hangup import on_hangup


class Terminal(io.StringIO):
    """A stream that is a terminal until it is closed."""

    is_open = True

    def isatty(self) -> bool:
        return self.is_open


async def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.sleep(0.01)


async def test_each_asks_for_another_project_also_while_one_is_read() -> None:
    asked, goes_on = 0, asyncio.Event()

    async def swap() -> None:
        nonlocal asked
        asked += 1
        await goes_on.wait()

    stop = asyncio.Event()
    with on_hangup(swap, stop):
        for _ in range(3):
            await hang_up()
        assert asked == 1
        goes_on.set()
        await asyncio.sleep(0.01)
        assert asked == 2
    assert not stop.is_set()


async def test_what_nobody_expected_leaves_the_next_one_its_chance(caplog: pytest.LogCaptureFixture) -> None:
    asked = 0

    async def swap() -> None:
        nonlocal asked
        asked += 1
        raise ValueError("odd")

    with on_hangup(swap, asyncio.Event()):
        await hang_up()
        await hang_up()
    assert asked == 2
    assert "the one before goes on" in caplog.text


async def test_a_closed_terminal_stops_what_runs_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, stop = Terminal(), asyncio.Event()
    monkeypatch.setattr(sys, "stderr", terminal)

    async def swap() -> None:
        pass

    with on_hangup(swap, stop):
        await hang_up()
        assert not stop.is_set()
        terminal.is_open = False
        await hang_up()
        assert stop.is_set()
