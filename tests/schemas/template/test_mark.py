"""The mark of a template, first."""

from __future__ import annotations

import pytest

from schemas.template.mark import with_mark_first


@pytest.mark.parametrize(
    ("sql", "first"),
    [
        ("% SELECT", "% SELECT"),
        ("  % SELECT", "%   SELECT"),
        ("-- a\n%\nSELECT", "%-- a\n\nSELECT"),
        ("/* % */ {# a #} % SELECT", "%/* % */ {# a #}  SELECT"),
        ("\ufeff%SELECT", "% SELECT"),
        ("SELECT 1 % 2", "SELECT 1 % 2"),
    ],
)
def test_what_stands_behind_the_mark_stays_where_it_was(sql: str, first: str) -> None:
    assert with_mark_first(sql) == first
    assert len(first) == len(sql)
