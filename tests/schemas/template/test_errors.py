"""Errors as answers."""

from __future__ import annotations

import pytest

from schemas.template.errors import (
    CustomReportedError,
    ParameterError,
    ReportedError,
    TemplateCompileError,
    TemplateError,
    TemplateRenderError,
    ValueTooLargeError,
)


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (TemplateCompileError("no"), 400, {"error": "Template Syntax Error: no"}),
        (ReportedError("no"), 400, {"error": "no"}),
        (ValueTooLargeError("no"), 413, {"error": "Template Syntax Error: no"}),
        (CustomReportedError({"a": 1}, 418), 418, {"a": 1}),
        (
            ParameterError("no", parameter="x", accepted="text"),
            400,
            {"error": "Template Syntax Error: no. Parameter `x` takes text."},
        ),
    ],
)
def test_an_error_is_its_answer(error: TemplateError, status: int, body: object) -> None:
    assert (error.status, error.body) == (status, body)


def test_what_was_read_is_named() -> None:
    error = TemplateRenderError("no")
    error.name(["`a`", "`b`"])
    assert str(error) == "Template Syntax Error: no. It reads the parameters `a` and `b`."
