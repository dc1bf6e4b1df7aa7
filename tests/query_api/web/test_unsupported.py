"""Calls of Tinybird's API that are not carried out here, and what is told of them."""

from __future__ import annotations

import pytest

from query_api.web.unsupported import unsupported
from tests.query_api.asking import error_of
from tests.query_api.fakes import Api


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("POST", "/v0/pipes/top/copy", 404, "copies, sinks and populations do not run"),
        ("POST", "/v0/datasources?name=a&mode=create", 405, "`birdhouse deploy`"),
        ("POST", "/v0/datasources/events/truncate", 404, "`birdhouse deploy`"),
        ("POST", "/v1/datasources/events/append", 404, "`birdhouse deploy`"),
        ("DELETE", "/v0/pipes/top", 405, "`birdhouse deploy`"),
        ("POST", "/v1/deploy/?check=true", 404, "`birdhouse deploy`"),
        ("GET", "/v0/jobs/", 404, "`birdhouse deploy`"),
        ("GET", "/v0/tokens", 405, "`birdhouse tokens`"),
        ("GET", "/v0/variables", 404, "`BIRDHOUSE_SECRET_…`"),
        ("GET", "/v0/sql_format?q=SELECT 1", 404, "`/v0/sql`"),
    ],
)
async def test_what_is_not_supported_is_told_as_that(api: Api, method: str, path: str, status: int, words: str) -> None:
    response = await api.client.request(method, path, headers=api.token())
    text = await error_of(response)
    assert (response.status, "not supported here" in text, words in text) == (status, True, True), text


@pytest.mark.parametrize("path", ["/", "/nothing", "/v0/events", "/v0/variables_of_mine", "/v2/pipes"])
def test_of_what_tinybird_does_not_have_either_nothing_is_told(path: str) -> None:
    assert unsupported(path) is None
