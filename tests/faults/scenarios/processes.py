"""What can happen to the processes of one API."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from functools import partial

from confluent_kafka import TopicPartition

from tests.faults.house import FaultHouse, Setup
from tests.faults.registry import fault
from tests.faults.scenarios.restarts import FIRST_POSTED, PIPE, Service, ask, serve

_KILLS = 4
_PROCESSES = "3"


class Sender:
    """Sends events under numbers of their own, each once, and asks a pipe; notes what it was told of each."""

    def __init__(self, house: FaultHouse, service: Service, threads: int = 6) -> None:
        self.acknowledged: set[int] = set()
        self.unknown: set[int] = set()  # their connection broke: stored or not, nobody was told
        self.wrong: list[str] = []
        self._house, self._service = house, service
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number, threads), daemon=True) for number in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self, number: int, step: int) -> None:
        while not self._is_over.wait(0.005):
            self._send(FIRST_POSTED + number, waits=number % 10 == 0)
            number += step
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
