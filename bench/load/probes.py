"""Events whose way is timed: from the broker's acknowledgement to the first answer that holds them."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Producer

from bench.errors import BenchError
from bench.load.caller import Caller
from bench.load.data import Traffic
from bench.systems.workspace import PARTITIONS

EVENT_TYPE = "probe"
# Between two looks at the endpoint; a time is too long by at most this and the answer's own.
LOOK_SECONDS = 0.005
_VISIBLE_SECONDS = 60.0
_TICK_SECONDS = 0.01
# How far back the endpoint looks: longer than any probe is on its way.
_WINDOW = timedelta(seconds=_VISIBLE_SECONDS)


@dataclass
class Stream:
    """A thread that writes `rate` events a second, as they happen, until `stop`."""

    config: dict[str, Any]
    topic: str
    rate: int
    seed: int
    written: int = 0
    failed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._producer = Producer({**self.config, "linger.ms": 20, "compression.type": "lz4", "acks": "all"})
        # Made before the clock runs; only the moment is put in when an event is sent.
        self._messages = [message.split(b'"timestamp": "') for message in Traffic(10_000, self.seed)]
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Ends it, and gives the events a second that it did reach. Raises `BenchError` for events not taken."""
        self._stop.set()
        self._thread.join()
        reached = self.written / (time.monotonic() - self._started)
        if self._producer.flush(60) or self.failed:
            raise BenchError(f"the broker did not take {self.failed or 'all'} of the events of the stream")
        return reached

    def _write(self) -> None:
        while not self._stop.wait(_TICK_SECONDS):
            moment = f'"timestamp": "{_text(datetime.now(UTC))}'.encode()
            for _ in range(int((time.monotonic() - self._started) * self.rate) - self.written):
                before, after = self._messages[self.written % len(self._messages)]
                self._producer.produce(
                    self.topic,
                    before + moment + after[19:],
                    partition=self.written % PARTITIONS,
                    on_delivery=self._delivered,
                )
                self.written += 1
            self._producer.poll(0)

    def _delivered(self, error: object, _: object) -> None:
        self.failed += error is not None


class Prober:
    """Sends probes to a topic and looks for them at the endpoint `get_events`, by a type that no other prober has."""

    def __init__(self, config: dict[str, Any], topic: str, caller: Caller, event_type: str = EVENT_TYPE) -> None:
        self._producer = Producer({**config, "linger.ms": 0, "acks": "all"})
        self._topic = topic
        self._caller = caller
        self._event_type = event_type
        self._message = json.loads(next(iter(Traffic(1, 0))))
        self.sent = 0

    def probe(self) -> float:
        """Seconds from the acknowledgement of one event until an answer holds it. Raises `BenchError`."""
        self.sent += 1
        name = f"probe_{self.sent}"
        event = {
            **self._message,
            "event_id": name,
            "event_type": self._event_type,
            "timestamp": _text(datetime.now(UTC)),
        }
        acknowledged: list[float] = []

        def delivered(error: object, _: object) -> None:
            if error is not None:
                raise BenchError(f"the broker did not take a probe: {error}")
            acknowledged.append(time.monotonic())

        self._producer.produce(
            self._topic, json.dumps(event).encode(), partition=self.sent % PARTITIONS, on_delivery=delivered
        )
        while not acknowledged:
            self._producer.poll(0.001)
            self._check(acknowledged, name)
        return self._visible_at(name, acknowledged[0]) - acknowledged[0]

    def _check(self, acknowledged: list[float], name: str) -> None:
        if not acknowledged and len(self._producer) == 0:
            raise BenchError(f"nobody acknowledged `{name}`")

    def _visible_at(self, name: str, since: float) -> float:
        while time.monotonic() - since < _VISIBLE_SECONDS:
            start = _text(datetime.now(UTC) - _WINDOW)
            answer = self._caller.ask(
                "get_events", {"event_type": self._event_type, "start_date": start, "limit": "20"}
            )
            if any(row["event_id"] == name for row in answer.body["data"]):
                return answer.at
            time.sleep(LOOK_SECONDS)
        raise BenchError(f"an acknowledged event is not visible after {_VISIBLE_SECONDS:.0f} s")


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
