"""What `birdhouse run` says when it is ready: where it answers, and calls that work when they are pasted."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from deploy.run.sample_event import sample_event
from schemas.feed import feed_of
from schemas.model import DataSource, Project
from schemas.queries.query import Query
from schemas.template.errors import TemplateError
from schemas.template.parameters import Parameter

ENDPOINTS_SHOWN = 2
_INTEGER = re.compile(r"U?Int\d+")
_NUMBER = re.compile(r"Float\d+|Decimal.*")


class Endpoint(Protocol):
    """One compiled pipe, as far as it is needed to call it."""

    @property
    def parameters(self) -> Sequence[Parameter]: ...

    def render(self, values: Mapping[str, str | list[str]]) -> Query: ...


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the running system answers; `kafka` is its `bootstrap.servers`, with what producers must know of it."""

    api: str
    api_admin: str
    ingest_admin: str
    kafka: str


def welcome(
    project: Project, endpoints: Mapping[str, Endpoint], addresses: Addresses, token_file: Path, now: datetime
) -> str:
    """The whole text. It names the file with the admin token, which each call reads itself, and never the token."""
    facts = [
        ("API", addresses.api),
        ("token", f"in {token_file}"),
        ("Kafka", addresses.kafka),
        ("health", f"{addresses.api_admin}/status (API), {addresses.ingest_admin}/status (worker)"),
    ]
    lines = ["", "Birdhouse is ready. Ctrl-C stops it.", "", *(f"  {name:<7} {value}" for name, value in facts)]
    for title, command in calls(project, endpoints, addresses.api, token_file, now):
        lines += ["", f"# {title}", command]
    return "\n".join([*lines, ""])


def calls(
    project: Project, endpoints: Mapping[str, Endpoint], url: str, token_file: Path, now: datetime
) -> list[tuple[str, str]]:
    """Titles and shell commands: send an event to the first data source that takes any, ask the simplest endpoints."""
    source = next((source for source in project.data_sources.values() if feed_of(source) is not None), None)
    event = {} if source is None else sample_event(source, now)
    sends = [] if source is None else [("send an event", _send(source, event, url, token_file))]
    asked = {name: needed_values(endpoint, event) for name, endpoint in endpoints.items()}
    simplest = sorted(asked, key=lambda name: (len(asked[name]), -len(endpoints[name].parameters), name))
    asks = [(f"ask {name}", _ask(name, asked[name], url, token_file)) for name in simplest[:ENDPOINTS_SHOWN]]
    return sends + asks


def needed_values(endpoint: Endpoint, event: Mapping[str, Any]) -> dict[str, str]:
    """Values for the parameters without which the endpoint refuses to answer; of an event's key where it has one."""
    values: dict[str, str] = {}
    open_parameters = sorted(
        (parameter for parameter in endpoint.parameters if parameter.default is None),
        key=lambda parameter: not parameter.required,
    )
    for parameter in open_parameters:
        if _renders(endpoint, values):
            break
        values[parameter.name] = _sample(parameter, event)
    return values


def _renders(endpoint: Endpoint, values: Mapping[str, str]) -> bool:
    try:
        endpoint.render(dict(values))
    except TemplateError:
        return False
    return True


def _sample(parameter: Parameter, event: Mapping[str, Any]) -> str:
    if parameter.example is not None:
        return str(parameter.example)
    if parameter.enum:
        return str(parameter.enum[0])
    if isinstance(event.get(parameter.name), str | int | float):
        return str(event[parameter.name])
    kind = parameter.type or "String"
    if _INTEGER.search(kind) or _NUMBER.search(kind):
        return "1"
    if "Date" in kind:
        return "2026-01-01 00:00:00" if "Time" in kind else "2026-01-01"
    return parameter.name


def _send(source: DataSource, event: Mapping[str, Any], url: str, token_file: Path) -> str:
    # With wait=true the answer comes when the row can be asked for, so that all calls can be pasted at once.
    body = shlex.quote(json.dumps(event, ensure_ascii=False))
    address = shlex.quote(f"{url}/v0/events?name={quote(source.name)}&wait=true")
    return f"curl {_authorization(token_file)} \\\n  -d {body} \\\n  {address}"


def _ask(name: str, values: Mapping[str, str], url: str, token_file: Path) -> str:
    query = f"?{urlencode(values)}" if values else ""
    return f"curl {_authorization(token_file)} \\\n  {shlex.quote(f'{url}/v0/pipes/{quote(name)}.json{query}')}"


def _authorization(token_file: Path) -> str:
    # The shell reads the token when the call is pasted: it is in no printed text and in no URL.
    return f'-H "Authorization: Bearer $(cat {shlex.quote(str(token_file))})"'
