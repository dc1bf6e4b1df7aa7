"""Services that end under load, told or killed: no API error but for what a killed process held, no lost event."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from confluent_kafka import TopicPartition

from bench.systems.server_command import free_port
from query_api.access.auth import ADMIN, derive_token
from tests.faults.callers import Callers
from tests.faults.house import FaultHouse, Setup
from tests.faults.registry import fault

SECRET = "a secret of the fault suite"
FIRST_POSTED = 1_000_000_000
_KILLS = 4
_PROCESSES = "3"
PIPE = "NODE counting\nSQL >\n    SELECT count() AS events FROM {name}\n\nTYPE endpoint\n"


@dataclass
class Service:
    """A `query-api` process and where it answers."""

    process: subprocess.Popen[bytes]
    port: int
    admin_port: int

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return ask(self.admin_port, "GET", "/readyz")[0] == 200
        return False


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        token = derive_token(SECRET.encode(), ADMIN)
        connection.request(method, path, body, {"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class Caller:
    """Asks a pipe and posts events without a pause, as a load balancer does: who refuses a connection is left out, and
    everything else that is no good answer is an error."""

    def __init__(self, house: FaultHouse) -> None:
        self.services: list[Service] = []
        self.errors: list[str] = []
        self.answers = self.posted = 0
        self._house = house
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._is_over.wait(0.01):
            if self._call("GET", "/v0/pipes/counting.json"):
                self.answers += 1
            event = json.dumps({"id": FIRST_POSTED + self.posted, "part": self.posted % 7}).encode()
            if self._call("POST", f"/v0/events?name={self._house.name}", event):
                self.posted += 1

    def _call(self, method: str, path: str, body: bytes | None = None) -> bool:
        for service in self._house.chance.sample(self.services, len(self.services)):
            try:
                status, answer = ask(service.port, method, path, body)
            except ConnectionRefusedError:
                continue
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(f"{method}: {type(error).__name__}: {error}")
                return False
            if status >= 300:
                self.errors.append(f"{method}: {status}: {answer[:200]!r}")
            return status < 300
        self.errors.append("nobody takes a connection")
        return False


@contextlib.contextmanager
def services(house: FaultHouse) -> Iterator[Caller]:
    caller = Caller(house)
    started: list[Service] = []
    try:
        yield caller
    finally:
        caller.stop()
        started += caller.services
        for service in started:
            service.process.kill()
            service.process.wait()


def serve(house: FaultHouse, settings: Mapping[str, str] = MappingProxyType({})) -> Service:
    port, admin_port = free_port(), free_port()
    environment = house.environment() | {
        "BIRDHOUSE_SECRET": SECRET,
        "BIRDHOUSE_API_PORT": str(port),
        "BIRDHOUSE_API_ADMIN_PORT": str(admin_port),
        **settings,
    }
    with (house.folder / f"api-{port}.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "query_api"], env=environment, stderr=log)
    service = Service(process, port, admin_port)
    house.until(service.is_ready, "the API is ready")
    return service


def _has_ended(service: Service) -> bool:
    return service.process.poll() is not None


@fault("rolling restart of both services", Setup(files={"pipes/counting.pipe": PIPE}))
def rolling_restart(house: FaultHouse) -> None:
    ending = signal.SIGKILL if "grace" in house.without else signal.SIGTERM
    with services(house) as caller:
        house.start(workers=2)
        caller.services = [serve(house), serve(house)]
        caller.start()
        for old_service, old_worker in zip(list(caller.services), list(house.workers), strict=True):
            house.pause(0, 1)
            house.worker()
            caller.services = [*caller.services, serve(house)]
            house.kill(old_worker, ending)
            old_service.process.send_signal(ending)
            house.until(partial(_has_ended, old_service), "the API ends")
            caller.services = [service for service in caller.services if service is not old_service]
        house.cause_is_over()
        caller.stop()
        house.posted = caller.posted
        print(f"{caller.answers} answers, {caller.posted} events posted, errors: {caller.errors[:5]}")
        assert caller.answers > 0
        assert caller.posted > 0
        house.demand(lambda: not caller.errors, "no API error")
        house.judge()


class Sender(Callers):
    """Sends events under numbers of their own, each once, and asks a pipe; notes what it was told of each."""

    def __init__(self, house: FaultHouse, service: Service, threads: int = 6) -> None:
        super().__init__(threads)
        self.acknowledged: set[int] = set()
        self.unknown: set[int] = set()  # their connection broke: stored or not, nobody was told
        self._house, self._service = house, service

    def take_turn(self, number: int) -> None:
        self._send(FIRST_POSTED + number, waits=number % 10 == 0)
        self._ask()

    def _send(self, number: int, *, waits: bool) -> None:
        event = json.dumps({"id": number, "part": number % 7}).encode()
        path = f"/v0/events?name={self._house.name}{'&wait=true' if waits else ''}"
        try:
            status, answer = ask(self._service.port, "POST", path, event)
        except ConnectionRefusedError as error:
            self.wrong.append(f"POST: {error}")
        except (OSError, http.client.HTTPException):
            self.unknown.add(number)
        else:
            if status in (200, 202):
                self.acknowledged.add(number)
            else:
                self.wrong.append(f"POST: {status}: {answer[:200]!r}")

    def _ask(self) -> None:
        try:
            status, answer = ask(self._service.port, "GET", "/v0/pipes/counting.json")
        except ConnectionRefusedError as error:
            self.wrong.append(f"GET: {error}")
            return
        except (OSError, http.client.HTTPException):
            return  # it was asked of the process that was killed
        if status != 200 or not json.loads(answer)["data"]:
            self.wrong.append(f"GET: {status}: {answer[:200]!r}")


@fault("api process killed", Setup(files={"pipes/counting.pipe": PIPE}))
def api_process_killed(house: FaultHouse) -> None:
    """While events come over HTTP: whoever was told that one is stored finds it, once, and no port is ever closed."""
    house.start()
    service = serve(house, {"BIRDHOUSE_API_PROCESSES": _PROCESSES})
    try:
        sender = Sender(house, service)
        sender.start()
        for _ in range(_KILLS):
            house.pause(0.2, 1.5)
            victim = house.chance.choice(processes(service))
            os.kill(victim, signal.SIGKILL)
            house.until(partial(_is_replaced, service, victim), "another process answers in its place")
        sender.stop()
    finally:
        # It hands over what its processes still hold.
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(60)
    house.cause_is_over()
    sent = house.load.stop()
    house.posted = _held_by_topic(house) - sent
    house.demand(lambda: not sender.wrong, f"every request is answered as it must be: {sender.wrong[:5]}")
    stored = f"SELECT id FROM {{db}}.`{house.name}` WHERE id >= {FIRST_POSTED}"
    house.until(lambda: house.committed() >= _held_by_topic(house), "everything is committed")
    found = {int(row[0]) for row in house.sql(stored)}
    print(f"{len(sender.acknowledged)} events acknowledged, {len(sender.unknown)} not, {len(found)} stored")
    assert sender.acknowledged
    assert sender.unknown, "a killed process took no request with it: the kill came to nothing"
    house.demand(lambda: sender.acknowledged <= found, "every acknowledged event is stored")
    house.demand(lambda: found <= sender.acknowledged | sender.unknown, "nothing is stored that nobody sent")
    house.judge()


def processes(service: Service) -> list[int]:
    """The ids of the processes that answer."""
    status = json.loads(ask(service.admin_port, "GET", "/status")[1])
    return [each["pid"] for each in status["processes"] if each["state"] == "answering"]


def _is_replaced(service: Service, victim: int) -> bool:
    answering = processes(service)
    return victim not in answering and len(answering) == int(_PROCESSES)


def _held_by_topic(house: FaultHouse) -> int:
    places = (TopicPartition(house.name, number) for number in range(house.setup.partitions))
    return sum(house.reader.get_watermark_offsets(place, timeout=10)[1] for place in places)
