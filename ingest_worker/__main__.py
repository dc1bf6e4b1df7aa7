"""The `ingest-worker` command: settings, logs, signals, and a worker between start and stop."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
from contextlib import suppress

from ingest_worker.errors import ReplicatedTablesError
from ingest_worker.service import IngestService
from ingest_worker.settings import IngestSettings
from schemas.errors import ProjectError
from schemas.project import load_project
from schemas.report import render
from service.clickhouse.tls import tls_context
from service.errors import SettingProblem, SettingsError
from service.logs import configure
from service.secret_files import with_project_secrets
from service.settings import load_settings

_WRONG_SETTINGS = 2  # the exit code that shells and click give a wrong use
_WRONG_PROJECT = 1
# The ClickHouse client loads these with the first insert where they are installed, for kinds of data that the worker
# never gives it: 80 MB and a second for nothing.
_UNUSED_LIBRARIES = ("numpy", "pandas", "polars", "pyarrow")
# A call of the consumer makes a thousand messages, more than Python's default of 700 objects after which it looks for
# cycles, through everything that lives: a quarter of the reading thread's time. They are freed without that.
_COLLECT_AFTER = 50_000
# glibc gives each thread a part of the memory to itself (mallopt(3)), so what one thread frees another cannot use: a
# tenth of the worker's memory. The reading thread allocates nearly everything, so one part is enough.
_M_ARENA_MAX = -8
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main() -> int:
    """Run until SIGTERM or SIGINT. 0 after a stop, 2 when a setting is wrong, 1 when the project is or
    cannot be loaded into these tables."""
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    for name in _UNUSED_LIBRARIES:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None makes an import fail, says the import system
    try:
        settings = load_settings(IngestSettings)
        configure(settings.log_format, settings.log_level)
        if settings.clickhouse_url is None:
            raise SettingsError(
                [SettingProblem("CLICKHOUSE_URL", "is needed and not set", "for example `http://localhost:8123`")]
            )
        tls_context(settings)  # its files, before anything is started
        project = load_project(settings.project_folder, environment=with_project_secrets(os.environ))
        service = IngestService(
            settings, os.environ, project, may_apply=settings.deploy_on_start, measures_process=True
        )
    except SettingsError as error:
        print(error, file=sys.stderr)
        return _WRONG_SETTINGS
    except ProjectError as error:
        print(render(error.problems), file=sys.stderr)
        return _WRONG_PROJECT
    return run(service, _stop_event())


def _stop_event() -> threading.Event:
    """Set by SIGTERM or SIGINT. To be called before other threads are started.

    A handler would run within whatever the main thread is doing, which may be `Event.wait` with the lock that
    `Event.set` needs, and not at all while the kernel wakes another thread for the signal.
    """
    stop = threading.Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)

    def await_signal() -> None:
        try:
            signal.sigwait(_STOP_SIGNALS)
        finally:
            stop.set()  # with nobody left to notice a signal, it could only be killed

    threading.Thread(target=await_signal, name="signals", daemon=True).start()
    return stop


def run(service: IngestService, stop: threading.Event) -> int:
    """Serve the admin port and the worker until `stop` is set, then drain. Returns the exit code."""
    gc.freeze()  # what was imported stays
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
    try:
        service.listen()
    except OSError as error:
        print(f"cannot listen on the admin port: {error}\nhint: set `BIRDHOUSE_INGEST_ADMIN_PORT`", file=sys.stderr)
        return _WRONG_SETTINGS
    try:
        service.deploy(stop)
    except ReplicatedTablesError as error:
        print(error, file=sys.stderr)
        service.stop()
        return _WRONG_PROJECT
    if not stop.is_set():
        service.start()
        stop.wait()
    service.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
