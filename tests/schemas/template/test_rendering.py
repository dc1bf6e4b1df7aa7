"""The state of one render."""

from __future__ import annotations

import pytest

from schemas.template.errors import TemplateRenderError
from schemas.template.rendering import Locals, Render


def test_a_variable_is_read_once_it_has_a_value() -> None:
    variables = Locals()
    with pytest.raises(TemplateRenderError, match="cannot access local variable 'a'"):
        variables["a"]
    variables["a"] = 1
    assert variables["a"] == 1


def test_no_render_knows_of_another() -> None:
    first, second = Render(), Render()
    first.settings["max_threads"] = "1"
    first.bindings.sql("a")
    assert (second.settings, second.bindings.parameters, second.secrets) == ({}, {}, {})
    assert second.table_name("events") is None
