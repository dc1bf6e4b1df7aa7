"""Which format an URL or a statement asks for."""

from __future__ import annotations

import pytest

from query_api.errors import BadRequest, NotFound
from query_api.web.formats import SQL_FORMATS, split_extension, sql_format


def test_the_last_extension_is_the_format() -> None:
    assert split_extension("get.events.json") == ("get.events", "json")


@pytest.mark.parametrize("file", ["events", ".json", "events.", "events.xml", "events.JSON"])
def test_what_is_no_pipe_with_a_format_is_404(file: str) -> None:
    with pytest.raises(NotFound, match="is no pipe with a format"):
        split_extension(file)


def test_sql_names_its_format_in_any_case_and_json_is_usual() -> None:
    assert sql_format(None).name == "JSON"
    assert sql_format("csvwithnames").name == "CSVWithNames"
    assert all(sql_format(each.name) is each for each in SQL_FORMATS.values())


@pytest.mark.parametrize("name", ["Null", "SQLInsert"])
def test_formats_that_are_not_offered(name: str) -> None:
    with pytest.raises(BadRequest, match=f"`{name}` is not offered"):
        sql_format(name)
