"""Which changes make something of the project's files."""

from __future__ import annotations

import pytest

from schemas.tables.change import Change, Effect


@pytest.mark.parametrize(
    ("change", "makes"),
    [
        (Change(Effect.ADDS, "a", "add", ("ALTER",)), True),
        (Change(Effect.ALTERS, "a", "remove what is gone"), False),
        (Change(Effect.REFUSED, "a", "another key", hint="copy"), False),
        (Change(Effect.ADDS, "a", "open", ("INSERT",), opens=True), False),
        (Change(Effect.ADDS, "a", "note", ("ALTER",), is_note=True), False),
    ],
)
def test_notes_and_doors_are_nothing_of_the_files(change: Change, makes: bool) -> None:
    assert change.makes is makes
