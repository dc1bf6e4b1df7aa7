"""Secrets of a project are shown nowhere."""

from __future__ import annotations

import pytest

from schemas.queries.secrets import HIDDEN, SecretValues


@pytest.mark.parametrize("text", ["hush", "x HUSH y", "Hush!", "['hush']"])
def test_a_text_with_a_secret_is_hidden_whole(text: str) -> None:
    assert SecretValues.of(["hush", ""]).hide(text) == HIDDEN


def test_other_texts_and_empty_secrets_hide_nothing() -> None:
    assert SecretValues.of(["hush", ""]).hide("rush") == "rush"
    assert SecretValues().hide("hush") == "hush"
    assert "hush" not in repr(SecretValues.of(["hush"]))
