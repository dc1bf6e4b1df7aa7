"""One caller of the API who looks at answers: a keep-alive connection and the seconds that each answer took."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from bench.errors import BenchError
from bench.figures import percentile
from bench.load.requests import address_of

_ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answered:
    """A decoded answer; `seconds` end with its last byte, before it is decoded. `body` is empty for one too late."""

    body: dict[str, Any]
    seconds: float
    at: float


@dataclass
class Asked:
    """The seconds of each answer to one question at one size, the rows that ClickHouse read for it, and how many
    answers were 408: the API's time limit ended them."""

    seconds: list[float] = field(default_factory=list)
    rows_read: list[float] = field(default_factory=list)
    too_late: int = 0

    @property
    def median(self) -> float:
        return percentile(self.seconds, 50)

    def add(self, answer: Answered) -> None:
        self.seconds.append(answer.seconds)
        if answer.body:
            self.rows_read.append(answer.body["statistics"]["rows_read"])
        else:
            self.too_late += 1

    def __iadd__(self, other: Asked) -> Asked:
        self.seconds += other.seconds
        self.rows_read += other.rows_read
        self.too_late += other.too_late
        return self


class Caller:
    """Asks endpoints one after the other."""

    def __init__(self, api_url: str, token: str) -> None:
        host, port = address_of(api_url)
        self._connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, pipe: str, values: Mapping[str, str]) -> Answered:
        """Raises `BenchError` with the API's text when it answers neither 200 nor 408, its time limit."""
        started = time.monotonic()
        self._connection.request("GET", f"/v0/pipes/{pipe}.json?{urlencode(values)}", headers=self._headers)
        response = self._connection.getresponse()
        body = response.read()
        now = time.monotonic()
        if response.status == 408:
            return Answered({}, now - started, now)
        if response.status != 200:
            raise BenchError(f"`{pipe}` answered {response.status}: {body[:300].decode(errors='replace')}")
        return Answered(json.loads(body), now - started, now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()
