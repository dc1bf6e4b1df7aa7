"""Run the broker's binary and end it as soon as the process that wanted it is gone.

Used as a script, with nothing but the standard library: `python broker_guard.py BINARY ARGUMENT…`. Its standard input
is a pipe whose other end the parent holds and never writes to, so that end of file means that the parent closed it or
died, in whatever way (kill -9 too). A pipe and not PR_SET_PDEATHSIG, which only Linux has and which fires when the
starting *thread* ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading


def main() -> None:
    # stdin must not be the pipe: the broker would hold nothing of it, but it has no business with it either.
    # The command is what our own process gives (S603).
    broker = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603

    def end_with_broker() -> None:
        os._exit(broker.wait() & 0xFF)

    threading.Thread(target=end_with_broker, daemon=True).start()
    while os.read(sys.stdin.fileno(), 1024):
        pass
    # SIGKILL: on SIGTERM the broker waits five seconds for its clients, and what it holds is in memory alone.
    broker.kill()
    broker.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
