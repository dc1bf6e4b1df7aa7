"""The worker's admin port, served from a thread of its own so that it answers whatever the others wait for."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

from aiohttp import web

from service.web.server import HttpRunner, plain_error


class AdminServer:
    """Serves one application between `start` and `stop`."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._address: Future[str] = Future()
        self._thread = threading.Thread(target=self._run, name="admin", daemon=True)

    def start(self) -> str:
        """Listen. Returns the address, `http://host:port`; raises OSError when the port is taken."""
        self._thread.start()
        return self._address.result()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        self._loop.close()  # of a server that was never started, too

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        runner = HttpRunner(self._app, answer_error=plain_error)
        try:
            await runner.setup()
            site = web.TCPSite(runner, self._host, self._port)
            await site.start()
        except Exception as error:
            self._address.set_exception(error)
        else:
            host, port = runner.addresses[0][:2]
            self._address.set_result(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
            await self._stop.wait()
        finally:
            await runner.cleanup()
