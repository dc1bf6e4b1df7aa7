"""Secrets of a project are shown nowhere."""

from __future__ import annotations

import pytest

from query_api.errors import QueryRefused
from query_api.secret_values import HIDDEN, SecretValues


@pytest.mark.parametrize("text", ["hush", "x HUSH y", "Hush!", "['hush']"])
def test_a_text_with_a_secret_is_hidden_whole(text: str) -> None:
    assert SecretValues.of(["hush", ""]).hide(text) == HIDDEN


def test_other_texts_and_empty_secrets_hide_nothing() -> None:
    assert SecretValues.of(["hush", ""]).hide("rush") == "rush"
    assert SecretValues().hide("hush") == "hush"
    assert "hush" not in repr(SecretValues.of(["hush"]))


def test_an_error_that_quotes_one_keeps_its_code_alone() -> None:
    told = SecretValues.of(["hush"]).safe(QueryRefused("Cannot parse string 'HUSH' as UInt8", 6))
    assert told.code == 6
    assert told.headers == {"X-DB-Exception-Code": "6"}
    assert "hush" not in told.message.lower()
    plain = QueryRefused("Cannot parse string 'x'", 6)
    assert SecretValues.of(["hush"]).safe(plain) is plain
