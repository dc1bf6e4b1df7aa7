"""SQL of callers who want what is another's: no row of it is told, whatever they write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query_api.questions.sql_functions import is_refused
from tests.integration.callers import SECRET_ROW, Api

Asker = Callable[[str], tuple[int, str]]


def lines_of(name: str) -> list[str]:
    return (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()


# Ways to another token's rows, one on each line, in which `\n` stands for a line break.
HOSTILE = lines_of("hostile_statements.txt")

# The caller's own names must not take the place of what the pipe's author meant.
POISONED = lines_of("poisoned_statements.txt")


async def test_nothing_of_another_token_is_told(api: Api) -> None:
    answered = []
    for line in HOSTILE:
        sql = line.replace("DATABASE_NAME", api.database).replace("\\n", "\n")
        for over in ({}, {"pipeline": "top"}):
            status, text = await api.sql(sql, **over)
            assert SECRET_ROW not in text, sql
            if status not in (400, 403):
                answered.append((status, sql, text))
    assert [sql for _, sql, _ in answered] == []


async def test_no_name_of_a_caller_stands_in_for_one_of_an_author(api: Api) -> None:
    for sql in POISONED:
        for token in ("mine", "admin"):
            status, text = await api.sql(f"{sql} FORMAT CSV", token)
            assert status in (200, 400, 403), sql
            assert SECRET_ROW not in text, sql
            assert "fake" not in text, sql


async def test_the_admin_token_reads_the_project_and_nothing_else(api: Api) -> None:
    assert await api.rows("SELECT kind FROM their_events UNION ALL SELECT kind FROM their_top", "admin") == [
        [SECRET_ROW],
        [SECRET_ROW],
    ]
    assert await api.rows("SELECT count() FROM their_events_quarantine", "admin") == [[1]]
    for name in ("hidden", "my_events_landing", "system.tables", "default.x", f"{api.database}.my_events"):
        status, text = await api.sql(f"SELECT * FROM {name}", "admin")
        assert (status, SECRET_ROW in text) == (403, False), name


NAMES = st.sampled_from(
    ["my_events", "top", "filtered", "hiding", "hidden", "their_events", "their_top", "system.tables"]
)
ALIASES = st.sampled_from(["a", "b", "hidden", "blocked", "my_events", "their_events", "lower", "top"])


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("SELECT * FROM ({}) AS {}".format, inner, ALIASES),
        st.builds("WITH {} AS ({}) SELECT * FROM {}".format, ALIASES, inner, ALIASES),
        st.builds("WITH {} AS ({}) SELECT * FROM view(SELECT * FROM {})".format, ALIASES, inner, NAMES),
        st.builds("SELECT (SELECT count() FROM ({})), kind FROM {} AS {}".format, inner, NAMES, ALIASES),
        st.builds("SELECT kind FROM {} WHERE kind IN ({}) OR kind IN {}".format, NAMES, inner, NAMES),
        st.builds("({}) UNION ALL ({})".format, inner, inner),
        st.builds("SELECT x.* FROM ({}) AS x JOIN {} AS {} ON 1 = 1".format, inner, NAMES, ALIASES),
        st.builds(
            "SELECT arrayMap({} -> (SELECT any(kind) FROM {}), ['x']), kind FROM ({})".format, ALIASES, NAMES, inner
        ),
        st.builds("{} /* ' */ -- '".format, inner),
    )


STATEMENTS = st.recursive(st.builds("SELECT kind FROM {}".format, NAMES), _wrapped, max_leaves=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sql=STATEMENTS)
def test_no_nesting_leaks(asker: Asker, sql: str) -> None:
    status, text = asker(sql)
    assert status in (200, 400, 403), text
    assert SECRET_ROW not in text


@pytest.fixture
def asker(api: Api) -> Asker:
    """Asks from a test that is no coroutine, on the loop that the application runs on."""
    loop = asyncio.get_event_loop()
    return lambda sql: loop.run_until_complete(api.sql(f"{sql} FORMAT CSV"))


async def test_every_function_that_sees_more_than_its_arguments_is_known(api: Api) -> None:
    found = await api.rows(
        "SELECT name FROM system.functions WHERE categories IN ('Dictionary', 'AI', 'Embedded Dictionary') "
        "OR match(name, '(?i)^(file|joinget|hascolumn|current|enabled|default(roles|profiles)|get[^s].*(set|mac|head)|"
        "filesystem|sleep|ai[A-Z]|host|session_user)') ORDER BY name"
    )
    assert len(found) > 60
    assert [name for (name,) in found if not is_refused(name)] == ["current_date", "current_timestamp"]
