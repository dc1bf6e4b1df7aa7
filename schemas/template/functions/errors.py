"""The functions with which an author ends the request."""

# ruff: noqa: ARG001 - the documented keywords are accepted, and every function is given the render

from __future__ import annotations

from typing import NoReturn

from schemas.template.errors import (
    CustomReportedError,
    ReportedError,
)
from schemas.template.functions.registry import template_function
from schemas.template.rendering import Render
from schemas.template.values import parsing
from schemas.template.values.json_values import document_of, plain_text


@template_function(writes_sql=False)
def error(render: Render, message: object = "", *_: object) -> NoReturn:
    raise ReportedError(parsing.shown(message) if not isinstance(message, str) else message)


@template_function(writes_sql=False)
def custom_error(render: Render, body: object = "", code: object = 400) -> NoReturn:
    status = code if isinstance(code, int) and 400 <= code < 600 else 400
    document = document_of(body)
    raise CustomReportedError(document if isinstance(document, dict) else plain_text(body), int(status))
