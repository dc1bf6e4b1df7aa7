"""The calls that `birdhouse run` prints, for the example and for other projects."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.run.welcome import Addresses, calls, needed_values, welcome
from schemas.model import Column, ColumnType, DataSource, JsonPath, Project
from schemas.queries.query import Query
from schemas.template.errors import TemplateRenderError
from schemas.template.parameters import Parameter

NOW = datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC)
TOKEN_FILE = Path("/home/me/my data/admin.token")
URL = "http://127.0.0.1:7181"


@dataclass(frozen=True)
class FakeEndpoint:
    parameters: tuple[Parameter, ...] = ()
    needed: tuple[str, ...] = ()

    def render(self, values: Mapping[str, str | list[str]]) -> Query:
        for name in self.needed:
            if name not in values:
                raise TemplateRenderError(f"{name} is needed")
        return Query("SELECT 1")


def project(*data_sources: DataSource) -> Project:
    return Project(Path(), {source.name: source for source in data_sources}, {})


TEXT = ColumnType("String", "String")
TARGET = DataSource("a_target_of_a_view", (Column("user_id", TEXT),))
CLICKS = DataSource("clicks", (Column("user_id", TEXT, JsonPath("$.user_id", ("user_id",))),))


def commands(endpoints: Mapping[str, FakeEndpoint], *sources: DataSource) -> list[list[str]]:
    return [shlex.split(command) for _, command in calls(project(*sources), endpoints, URL, TOKEN_FILE, NOW)]


def test_the_first_call_sends_an_event_to_the_first_data_source_that_takes_any() -> None:
    (send,) = commands({}, TARGET, CLICKS)
    assert json.loads(send[send.index("-d") + 1]) == {"user_id": "user_1"}
    assert send[-1] == f"{URL}/v0/events?name=clicks&wait=true"


def test_a_project_that_takes_no_events_is_only_asked() -> None:
    (ask,) = commands({"stats": FakeEndpoint()}, TARGET)
    assert ask[-1] == f"{URL}/v0/pipes/stats.json"


def test_the_simplest_two_endpoints_are_asked() -> None:
    optional = FakeEndpoint((Parameter("limit", "Int32", default=100),))
    endpoints = {"all": FakeEndpoint(), "filtered": optional, "of_user": FakeEndpoint((Parameter("u"),), ("u",))}
    urls = [command[-1] for command in commands(endpoints, CLICKS)[1:]]
    assert urls == [f"{URL}/v0/pipes/filtered.json", f"{URL}/v0/pipes/all.json"]


def test_a_needed_parameter_is_given_the_value_of_the_event_that_was_sent() -> None:
    endpoint = FakeEndpoint((Parameter("user_id", "String"),), ("user_id",))
    assert commands({"of_user": endpoint}, CLICKS)[1][-1] == f"{URL}/v0/pipes/of_user.json?user_id=user_1"


def test_what_an_endpoint_can_do_without_is_left_out() -> None:
    parameters = (
        Parameter("page", "Int32", default=0),
        Parameter("filter", "String"),
        Parameter("count", "Int32", required=True),
        Parameter("day", "Date", required=True, example="2025-02-03"),
    )
    endpoint = FakeEndpoint(parameters, ("count", "day"))
    assert needed_values(endpoint, {}) == {"count": "1", "day": "2025-02-03"}


def test_the_token_is_read_from_its_file_by_the_shell_and_is_in_no_url() -> None:
    text = welcome(
        project(CLICKS), {"all": FakeEndpoint()}, Addresses(URL, "http://a", "http://b", "k:1"), TOKEN_FILE, NOW
    )
    assert text.count("Bearer $(cat '/home/me/my data/admin.token')") == 2
    assert "token=" not in text
