"""Where a request holds SQL of its own, and where parameters."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from query_api.errors import BadRequest
from query_api.web.sql_request import read_sql_request, url_parameters


async def test_the_parameter_q_is_sql_and_no_value() -> None:
    asked = await read_sql_request(make_mocked_request("GET", "/v0/sql?q=SELECT%201&pipeline=top&limit=7"))
    assert (asked.sql, asked.pipeline) == ("SELECT 1", "top")
    assert asked.parameters.values == {"limit": "7"}


async def test_a_blank_parameter_is_none() -> None:
    asked = await read_sql_request(make_mocked_request("GET", "/v0/sql?q=%20&pipeline="))
    assert (asked.sql, asked.pipeline) == (None, None)


def test_template_parameters_say_nothing_of_the_request_itself() -> None:
    more = '{"kind": "inner", "limit": 3, "q": "SELECT 2", "output_format_json_quote_denormals": 1}'
    found = url_parameters([("limit", "7"), ("template_parameters", more)])
    assert found.values == {"limit": "7", "kind": "inner"}
    assert found.settings == {"output_format_json_quote_denormals": "1"}


def test_template_parameters_are_one_json_object() -> None:
    with pytest.raises(BadRequest, match="`template_parameters` cannot be used"):
        url_parameters([("template_parameters", "[1]")])
