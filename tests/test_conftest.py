"""The guards that hold for every test do guard."""

from __future__ import annotations

import socket
from typing import Literal

import pytest

from tests.conftest import NO_SKIP, TESTS, SocketsAreOffError, is_forbidden_skip


def report_of(outcome: Literal["passed", "skipped"]) -> pytest.TestReport:
    return pytest.TestReport("a test", ("a file", 1, "a test"), {}, outcome, None, "call")


def test_a_unit_test_reaches_no_network() -> None:
    with socket.socket() as client, pytest.raises(SocketsAreOffError):
        client.connect(("127.0.0.1", 9))


def test_a_unit_test_serves_nothing() -> None:
    with socket.socket() as server, pytest.raises(SocketsAreOffError):
        server.bind(("127.0.0.1", 0))


@pytest.mark.sockets
def test_a_marked_test_may_use_the_loopback_interface_alone() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
    with socket.socket() as client, pytest.raises(SocketsAreOffError):
        client.connect(("192.0.2.1", 9))


@pytest.mark.parametrize(
    ("setting", "outcome", "folder", "expected"),
    [
        ("1", "skipped", "integration", True),
        ("1", "skipped", "faults", True),
        ("1", "skipped", "service", False),
        ("1", "passed", "integration", False),
        ("", "skipped", "integration", False),
    ],
)
def test_a_skip_fails_where_servers_were_promised(
    monkeypatch: pytest.MonkeyPatch, setting: str, outcome: Literal["passed", "skipped"], folder: str, expected: bool
) -> None:
    monkeypatch.setenv(NO_SKIP, setting)
    assert is_forbidden_skip(report_of(outcome), TESTS / folder / "test_something.py") is expected


def test_an_expected_failure_is_no_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NO_SKIP, "1")
    report = report_of("skipped")
    report.wasxfail = "known"
    assert not is_forbidden_skip(report, TESTS / "integration" / "test_something.py")
