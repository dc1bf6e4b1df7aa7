"""What the document says of pipes, and of what their authors said of parameters."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from openapi_spec_validator import validate

from query_api.access.auth import AccessToken
from query_api.openapi.document import openapi_document
from query_api.questions.pipe_operations import pipe_operations
from query_api.routes import Audience, Object, Route
from schemas.model import Endpoint
from schemas.project import EXAMPLE_PROJECT, load_project
from schemas.queries.catalog import CompiledEndpoint, compile_project
from schemas.template.parameters import Parameter
from tests.query_api.projects import pipe, project


async def answer(request: web.Request) -> web.Response:
    raise AssertionError(f"a document asks nobody: {request}")


def document_of(*endpoints: CompiledEndpoint, cache_seconds: int = 0) -> Object:
    """The document of these endpoints alone, for a token that may read all."""
    routes = [
        Route("GET", "/get", answer, partial(pipe_operations, endpoints, cache_seconds, "get"), "pipes"),
        Route("POST", "/post", answer, partial(pipe_operations, endpoints, cache_seconds, "post"), "pipes"),
    ]
    return openapi_document(routes, Audience(AccessToken("admin", is_admin=True)))


def test_the_example_projects_document_is_valid() -> None:
    compiled = compile_project(load_project(Path(EXAMPLE_PROJECT), environment={}))
    document = document_of(*compiled.endpoints.values())
    validate(document)
    parameters = document["paths"]["/v0/pipes/get_events.json"]["get"]["parameters"]
    (limit,) = (each for each in parameters if each["name"] == "limit")
    assert (limit["schema"]["type"], limit["schema"]["default"]) == ("integer", 100)
    assert limit["description"] == "The most rows to answer"


@pytest.mark.parametrize(
    ("parameter", "schema"),
    [
        (Parameter("x", "Int8", default="12", enum=("1", "12", "huge")), {"enum": [1, 12], "default": 12}),
        (Parameter("x", "Int8", default="1000"), {"type": "integer"}),
        (Parameter("x", "Array(Int32)", default="1,2"), {"default": [1, 2]}),
        (Parameter("x", "Array(String)", enum=("a", "b"), default="a"), {"default": ["a"]}),
        (Parameter("x", "Boolean", default="1"), {"default": True}),
        (Parameter("x", "Float64", default="nan"), {"type": "number"}),
        (Parameter("x", "DateTime", format="YYYY-MM-DD", example="2025-01-01"), {"examples": ["2025-01-01"]}),
        (Parameter("x", "Int32", default=object()), {"type": "integer"}),
    ],
)
def test_what_an_author_said_is_kept_where_it_fits_the_type(parameter: Parameter, schema: dict[str, Any]) -> None:
    compiled = compile_project(project(pipe("p", only="SELECT 1")))
    endpoint = compiled.endpoints["p"]
    document = document_of(replace(endpoint, parameters=(parameter,)))
    validate(document)
    found = document["paths"]["/v0/pipes/p.json"]["get"]["parameters"][0]["schema"]
    assert schema.items() <= found.items()
    assert ("default" in found) == ("default" in schema)


@pytest.mark.parametrize(
    ("sql", "own", "usual", "told"),
    [
        ("SELECT 1", None, 0, ""),
        ("SELECT 1", 0, 60, ""),
        ("SELECT 1", None, 60, "Answers are kept for 60 seconds."),
        ("SELECT 1", 5, 60, "Answers are kept for 5 seconds."),
        ("%\nSELECT 1{{cache_ttl('1m')}}", None, 0, "For some parameters answers are kept for another time"),
    ],
)
def test_the_document_says_how_long_answers_are_kept(sql: str, own: int | None, usual: int, told: str) -> None:
    endpoint = compile_project(project(pipe("p", kind=Endpoint(cache_seconds=own), n=sql))).endpoints["p"]
    document = document_of(endpoint, cache_seconds=usual)
    validate(document)
    get = document["paths"]["/v0/pipes/p.json"]["get"]
    assert get.get("description", "").startswith(told)
    assert ("304" in get["responses"]) == bool(told)
    assert ("ETag" in get["responses"]["200"]["headers"]) == bool(told)
    assert "304" not in document["paths"]["/v0/pipes/p.json"]["post"]["responses"]
