"""What holds for every test: no sockets unless a test says so, and no silent skip where servers were promised."""

from __future__ import annotations

import gc
import os
import socket
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
# So that `tests.servers` can be imported also when pytest is not started as `python -m pytest`.
if str(TESTS.parent) not in sys.path:
    sys.path.insert(0, str(TESTS.parent))

# The embedded engine reads its zone when it is loaded, which any test may be the first to do.
os.environ["TZ"] = "UTC"
time.tzset()

# CI judges a change, so that it must not fail for what has nothing to do with it: there the same examples every time.
# Everywhere else new ones are tried at each run.
# How long an example takes says more of a busy machine than of the code: each test has a time-out of its own.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

NO_SKIP = "BIRDHOUSE_TESTS_NO_SKIP"
FOLDERS_WITH_SOCKETS = ("integration", "faults", "contract")
# pytest-aiohttp's fixtures, which serve an application on the loopback interface.
FIXTURES_WITH_SOCKETS = frozenset({"aiohttp_client", "aiohttp_server", "aiohttp_raw_server"})
LOOPBACK = ("127.0.0.1", "::1", "localhost")


# What a first answer does without: it is as good as all of them where no server is asked.
FOLDERS_LEFT_OUT = ("integration", "faults")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="leave out what needs a server, and what is marked slow")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    is_left_out = config.getoption("fast") and collection_path in [TESTS / name for name in FOLDERS_LEFT_OUT]
    return True if is_left_out else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("fast"):
        left_out = [item for item in items if item.get_closest_marker("slow") or item.get_closest_marker("needs")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
        return
    # A file that waits for servers takes longest whatever number of tests it has: nobody shall come to it last.
    items.sort(key=lambda item: not _has_servers(item.path))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("fast"):
        folders = " and ".join(f"tests/{name}" for name in FOLDERS_LEFT_OUT)
        terminalreporter.write_line(f"left out: {folders}, what needs a server elsewhere, and tests marked slow")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*servers): real servers that a test needs, `kafka` or `clickhouse`")
    config.addinivalue_line("markers", "sockets: a unit test that may use the loopback interface")
    config.addinivalue_line("markers", "slow: a unit test of many examples, which `--fast` leaves out")


def _is_worker(config: pytest.Config) -> bool:
    """Whether this is a process to which pytest-xdist hands tests out."""
    return hasattr(config, "workerinput")


_SERVERS = pytest.StashKey[ExitStack]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Be there for those who ask for a server. Before any worker is: they are started after this."""
    config = session.config
    if not _is_worker(config):
        from tests.run_servers import answering

        config.stash[_SERVERS] = ExitStack()
        config.stash[_SERVERS].enter_context(answering(_run_folder(config)))


def pytest_unconfigure(config: pytest.Config) -> None:
    if servers := config.stash.get(_SERVERS, None):
        servers.close()


def _run_folder(config: pytest.Config) -> Path:
    """A folder that all processes of the run have in common."""
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]  # the fixture is its door
    own = factory.getbasetemp()
    return own.parent if _is_worker(config) else own


@pytest.fixture(scope="session")
def run_folder(request: pytest.FixtureRequest) -> Path:
    return _run_folder(request.config)


def pytest_collection_finish() -> None:
    """What was collected stays until the end: looking through it at each collection of garbage would cost the CPU time
    that tests of limits count."""
    gc.collect()
    gc.freeze()


def _has_servers(path: Path) -> bool:
    # A folder that is collected may be the tests' own, which has no first part.
    first = path.relative_to(TESTS).parts[:1] if path.is_relative_to(TESTS) else ()
    return bool(first) and first[0] in FOLDERS_WITH_SOCKETS


@pytest.fixture(scope="session")
def embedded_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The embedded engine, one a session: a process has at most one, on one folder."""
    if find_spec("chdb") is None:
        pytest.skip("the embedded engine is not installed")
    from deploy.embedded.engine import EmbeddedEngine

    with EmbeddedEngine(tmp_path_factory.mktemp("engine")) as engine:
        yield engine


class SocketsAreOffError(RuntimeError):
    """A unit test wanted to talk to something; no OSError, so that no retry of ours takes it for an outage."""


@pytest.fixture(autouse=True)
def sockets_are_off(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's sockets refuse to connect and to bind, but for what this module lists (librdkafka's are its own)."""
    if _has_servers(request.path):
        return
    allows_loopback = request.node.get_closest_marker("sockets") is not None or FIXTURES_WITH_SOCKETS & set(
        request.fixturenames
    )

    def guarded(original: Callable[..., Any]) -> Callable[..., Any]:
        def guard(self: socket.socket, address: Any) -> Any:
            is_local = self.family == socket.AF_UNIX or (allows_loopback and address[0] in LOOPBACK)
            if not is_local:
                raise SocketsAreOffError(f"a unit test must not use the network, this one wanted {address}")
            return original(self, address)

        return guard

    for name in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))


def is_forbidden_skip(report: pytest.TestReport | pytest.CollectReport, path: Path) -> bool:
    """Whether a test or module was skipped although its servers were promised; an expected failure is no skip."""
    promised = os.environ.get(NO_SKIP) == "1" and _has_servers(path)
    return promised and report.skipped and not hasattr(report, "wasxfail")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if is_forbidden_skip(report, item.path):
        report.outcome = "failed"
        report.longrepr = f"{NO_SKIP} is set, but this test was skipped: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if is_forbidden_skip(report, collector.path):
        report.outcome = "failed"
        report.longrepr = f"{NO_SKIP} is set, but this module was skipped: {_reason(report)}"
    return report
