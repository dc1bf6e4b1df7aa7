"""Whatever a node's SQL is, finding its names is work in proportion to its length, however deep it nests."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ProjectError
from schemas.model import Endpoint
from schemas.sql.names import names_of
from schemas.sql.tokens import SqlTextError
from schemas.template.errors import TemplateError
from tests.query_api.projects import catalog, pipe
from tests.work import lines_run

# Many examples: a first answer does without them.
pytestmark = pytest.mark.slow

UNITS = [
    "(", ")", "[", "{", "(SELECT * FROM a, ", "(WITH a AS (SELECT 1) SELECT * FROM a JOIN ", "x IN (", "x IN a, ",
    "FROM a JOIN b ON 1 ", "UNION ALL SELECT ", "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT * FROM a ",
    "a.b.", ", ", "'", "''", "`", "\"", "/*", "*/", "--", "-- x\n", "//", "// x\n", "#", "# x\n", "$$", "$a$", ";",
    "\\", "\0", "\n", "é", "0x", "1e", "SETTINGS a = 1, ", "FORMAT ", "CASE WHEN ", "EXCEPT (a) ", "{x:String} ",
]  # fmt: skip
WORDS = st.sampled_from([*UNITS, " ", "SELECT", "FROM", "WITH", "AS", "(", ")", "a", "b", "1", ",", "IN"])
TEXTS = st.lists(WORDS, max_size=30).map(" ".join)


@pytest.mark.parametrize("head", ["SELECT ", "SELECT * FROM ", "WITH ", "("])
@pytest.mark.parametrize("unit", UNITS)
def test_work_grows_with_the_text(head: str, unit: str) -> None:
    def scan(size: int) -> None:
        with suppress(SqlTextError):
            names_of(head + unit * size)

    # mypy does not infer a lambda's defaults.
    once, twice = (lines_run(lambda size=size: scan(size)) for size in (300, 600))  # type: ignore[misc]
    assert twice < once * 2.3 + 2_000


@pytest.mark.parametrize("unit", ["(SELECT * FROM ", "(", "[", "f(", "x IN (SELECT 1 FROM ", "CASE WHEN "])
def test_a_text_may_nest_as_deep_as_it_likes(unit: str) -> None:
    with suppress(SqlTextError):
        names_of("SELECT " + unit * 20_000)


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_any_nodes_make_a_statement_or_an_error_of_ours(texts: list[str]) -> None:
    nodes = dict(zip("abc", texts, strict=False))
    with suppress(ProjectError, TemplateError):
        catalog(pipe("p", kind=Endpoint(), **nodes), tables=("events", "x")).endpoints["p"].render({})


def test_many_nodes_are_checked_in_the_time_of_their_number() -> None:
    def check(size: int) -> None:
        chain = {f"n{number}": f"SELECT * FROM n{number - 1}, nowhere{number}" for number in range(1, size)}
        assert len(catalog(pipe("p", kind=Endpoint(), n0="SELECT 1", **chain)).warnings) == size - 1

    check(2)
    # mypy does not infer a lambda's defaults.
    once, twice = (lines_run(lambda size=size: check(size)) for size in (150, 300))  # type: ignore[misc]
    assert twice < once * 2.5


def test_a_long_chain_of_nodes_is_composed_and_one_that_is_too_long_is_refused() -> None:
    def chain(size: int) -> dict[str, str]:
        return {f"n{number}": f"SELECT * FROM n{number - 1}" for number in range(1, size)}

    assert (
        catalog(pipe("p", kind=Endpoint(), n0="SELECT 1", **chain(500))).endpoints["p"].render({}).sql.count(" AS (")
        == 499
    )
    with pytest.raises(TemplateError, match="too many nodes"):
        catalog(pipe("p", kind=Endpoint(), n0="SELECT 1", **chain(502))).endpoints["p"].render({})
