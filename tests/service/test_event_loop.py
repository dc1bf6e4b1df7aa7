"""A service runs on uvloop, and without it all the same."""

from __future__ import annotations

import asyncio
import sys

import pytest

from service.event_loop import run

pytestmark = pytest.mark.sockets


async def module_of_loop() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_it_is_uvloops_where_there_is_one() -> None:
    pytest.importorskip("uvloop", reason="uvloop is not for this platform")
    assert run(module_of_loop()).startswith("uvloop")


def test_it_is_asyncios_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # None makes an import fail, says the import system.
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert run(module_of_loop()).startswith("asyncio")
