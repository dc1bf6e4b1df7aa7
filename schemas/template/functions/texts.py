"""The functions that answer with a text: a project's secret, and a value as it came."""

# ruff: noqa: ARG001 - the documented keywords are accepted, and every function is given the render

from __future__ import annotations

from schemas.template.errors import (
    TemplateRenderError,
)
from schemas.template.functions.columns import name_text
from schemas.template.functions.registry import template_function
from schemas.template.rendering import Render
from schemas.template.values import parsing


@template_function()
def sql_unescape(render: Render, x: object, what: object = "") -> object:
    """Tinybird undoes its own escaping here; a bound value has none, so it is the value itself."""
    return None if x is None else parsing.parse_text(x)


@template_function("tb_var")
def tb_secret(render: Render, name: object, default: object = None) -> object:
    key = name_text(name, "tb_secret")
    value = render.secrets.get(key, default)
    if value is None:
        raise TemplateRenderError(
            f"Cannot access secret '{key}'. Check the secret exists in the Workspace and the token has the "
            "required scope."
        )
    return parsing.parse_text(value)
