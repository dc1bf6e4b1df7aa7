"""What one request of a pipe costs the API, stage by stage: each alone, in a process of its own, by its CPU time.

It reads a JSON object from standard input (`project`, a folder; `questions`, by pipe the values that it is asked for;
`rounds`; `requests` of each round) and writes one to standard output: by pipe and stage, µs a request of each round.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from prometheus_client import CollectorRegistry
from yarl import URL

from bench import OWN_MODULES
from bench.errors import BenchError
from bench.load.questions import Values
from bench.systems.servers import foreign_environment
from query_api.access.auth import ADMIN, derive_token, sent_token
from query_api.app import LIVE, STATE, create_app
from query_api.engine.query_form import query_form
from query_api.live import State
from query_api.observing.log import log_observation
from query_api.observing.metrics import ApiMetrics
from query_api.observing.requests import RequestEnded
from query_api.random_hex import random_hex
from query_api.settings import QueryApiSettings
from query_api.snapshot import Snapshot
from query_api.web.sql_request import url_parameters
from service import event_loop, logs
from service.long_lived import freeze_long_lived
from service.settings import load_settings

# Requests; then the event loop has a turn, as when so many callers have come at once.
_A_TURN = 16
_SECRET = "a secret for a bench"  # noqa: S105 - nothing is asked of anybody with it
# µs a request of each round, by stage.
Costs = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its parameters as they stand in the URL, and as a template is given them."""

    target: str
    values: Values


Stage = Callable[[Asked], Awaitable[object]]


def measure_stages(
    project: Path, questions: Mapping[str, Sequence[Values]], *, rounds: int, requests: int, log: Path
) -> dict[str, Costs]:
    """Costs by pipe, from a process that asks nobody; what the API logs goes to `log`. Raises `BenchError`."""
    order = {
        "project": str(project),
        "questions": {pipe: [dict(each) for each in values] for pipe, values in questions.items()},
        "rounds": rounds,
        "requests": requests,
    }
    with log.open("wb") as output:
        child = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", __name__],
            env=foreign_environment() | OWN_MODULES,
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            stderr=output,
            check=False,
        )
    if child.returncode != 0:
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        raise BenchError(f"the stages of a request could not be measured: {last[0] if last else 'no reason given'}")
    costs: dict[str, Costs] = json.loads(child.stdout)
    return costs


class Stages:
    """The API of a project whose servers are only addresses, and the stages of a pipe's request in it."""

    def __init__(self, project: str) -> None:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "CLICKHOUSE_URL": "http://127.0.0.1:1",
            "PROJECT_DIR": project,
            "BIRDHOUSE_SECRET": _SECRET,
        }
        app = create_app(load_settings(QueryApiSettings, environment), environment=environment)
        self._state: State = app[STATE]
        self._snapshot: Snapshot = app[LIVE].snapshot
        self._metrics = ApiMetrics(CollectorRegistry())

    def of_pipe(self, pipe: str, values: Sequence[Values]) -> dict[str, Stage]:
        """By name, in the order in which a request goes through them. All are fit to be run: each has been once."""
        state, metrics = self._state, self._metrics
        recognise = self._snapshot.tokens.recognise
        header = f"Bearer {derive_token(_SECRET.encode(), ADMIN)}"
        endpoint = self._snapshot.catalog.endpoints[pipe]
        query = endpoint.render(values[0])
        ended = _ended(pipe)

        async def token(_: Asked) -> None:
            recognise(sent_token(header, None))

        async def parameters(asked: Asked) -> None:
            url_parameters([*URL(asked.target, encoded=True).query.items()])

        async def template(asked: Asked) -> None:
            endpoint.render(asked.values)

        async def form(_: Asked) -> None:
            query_form(query)

        async def admission(_: Asked) -> None:
            async with state.admission.slot():
                pass

        async def log_line(_: Asked) -> None:
            log_observation(_ended(pipe))

        async def counted(_: Asked) -> None:
            metrics.observe(ended)

        return {
            "token": token,
            "parameters": parameters,
            "template": template,
            "form of the query": form,
            "admission": admission,
            "log line": log_line,
            "metrics": counted,
        }


def _ended(pipe: str) -> RequestEnded:
    return RequestEnded(
        request_id=random_hex(),
        method="GET",
        route="pipe",
        status=200,
        seconds=0.0123,
        resource=pipe,
        format="json",
        token=ADMIN,
        rows_read=8192,
        bytes_read=123_456,
    )


async def micros_each(stage: Stage, asked: Sequence[Asked], requests: int) -> float:
    """µs of this thread's CPU time that a stage takes a request."""
    turn = cycle(asked)
    began = time.thread_time()
    for number in range(requests):
        await stage(next(turn))
        if number % _A_TURN == 0:
            await asyncio.sleep(0)
    return (time.thread_time() - began) / requests * 1e6


async def _measure(order: Mapping[str, Any]) -> dict[str, dict[str, list[float]]]:
    stages = Stages(order["project"])
    pipes = {}
    for pipe, values in order["questions"].items():
        asked = [Asked(f"/v0/pipes/{pipe}.json?{urlencode(each)}", each) for each in values]
        pipes[pipe] = (stages.of_pipe(pipe, values), asked)
    freeze_long_lived()
    costs: dict[str, dict[str, list[float]]] = {pipe: {} for pipe in pipes}
    for number in range(order["rounds"] + 1):
        for pipe, (of_pipe, asked) in pipes.items():
            for name, stage in of_pipe.items():
                cost = await micros_each(stage, asked, order["requests"])
                if number:  # the first round is the warm-up
                    costs[pipe].setdefault(name, []).append(cost)
    return costs


def main() -> None:
    logs.configure("json", "info")
    json.dump(event_loop.run(_measure(json.load(sys.stdin))), sys.stdout)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    logging.shutdown()
    # The Kafka client would look for its brokers for a while yet.
    os._exit(0)
