"""What can be wrong with a template or with the values it is rendered with.

TemplateError                 `status` and `body` are the HTTP answer
├── TemplateCompileError      the template's text cannot be used; `line` and `column` say where in it
└── TemplateRenderError       these values cannot be rendered: 400
    ├── ParameterError        one parameter's value is not what its type takes; `parameter` names it
    ├── ReportedError         the template called error(): its text verbatim
    ├── CustomReportedError   the template called custom_error(): its own status and body
    ├── UnavailableError      the SQL names a table, table function or setting that is not to be had here
    ├── TemplateLimitError    the template asks for more time, memory or output than a render may use
    └── ValueTooLargeError    a bound value is over ClickHouse's limit: 413
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PREFIX = "Template Syntax Error: "


class TemplateError(Exception):
    """Anything that ends a template's compilation or rendering on purpose."""

    status = 400

    @property
    def body(self) -> Mapping[str, object] | str:
        """What the HTTP answer holds: `{"error": text}`, or what custom_error() was given."""
        return {"error": str(self)}


class TemplateCompileError(TemplateError):
    """The text of a template is wrong. `line` and `column` count from 1 within that text."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1, hint: str = "") -> None:
        super().__init__(PREFIX + message)
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint


class TemplateRenderError(TemplateError):
    """The template cannot be rendered with these values."""

    def __init__(self, message: str) -> None:
        super().__init__(PREFIX + message)
        self.message = message

    def name(self, parameters: Sequence[str]) -> None:
        """Add which parameters were read where it went wrong."""
        if parameters:
            plural = "s" if len(parameters) > 1 else ""
            self.message += f". It reads the parameter{plural} {' and '.join(parameters)}."
            self.args = (PREFIX + self.message,)


class ParameterError(TemplateRenderError):
    """A value is not of its parameter's type."""

    def __init__(self, message: str, *, parameter: str = "", accepted: str = "") -> None:
        detail = f". Parameter `{parameter}` takes {accepted}." if parameter and accepted else ""
        super().__init__(message + detail)
        self.parameter = parameter


class ReportedError(TemplateRenderError):
    """`error('text')`: the text goes to the caller as it is."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.args = (message,)


class CustomReportedError(TemplateRenderError):
    """`custom_error(body, status)`: the author's own status and body; a mapping is sent as JSON."""

    def __init__(self, body: Mapping[str, object] | str, status: int) -> None:
        super().__init__(str(body))
        self.args = (str(body),)
        self.status = status
        self._body = body

    @property
    def body(self) -> Mapping[str, object] | str:
        return self._body


class UnavailableError(TemplateRenderError):
    """The rendered SQL names what is not to be had here: whoever reads the node is told so beforehand."""


class TemplateLimitError(TemplateRenderError):
    """The template wants more than one render may use. It cannot be caught by the template's own `try`."""


class ValueTooLargeError(TemplateRenderError):
    """A value is larger than ClickHouse takes as a query parameter."""

    status = 413
