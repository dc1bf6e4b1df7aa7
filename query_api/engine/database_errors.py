"""Which answer an exception of ClickHouse becomes: its code decides the status, its text is cleaned for callers."""

from __future__ import annotations

import re

from query_api.engine.limits import Limits, limit_message
from query_api.engine.time_limit import too_slow
from query_api.errors import QueryRefused, RequestError, TooLarge, Unavailable
from schemas.queries.secrets import SecretValues
from service.clickhouse.codes import CREDENTIALS, OVERLOAD, Code

# Most often a project that is not deployed.
_NOT_DEPLOYED = frozenset({Code.UNKNOWN_TABLE, Code.UNKNOWN_DATABASE})

_HIDDEN_ERROR = "ClickHouse refused the query; its text is not shown, because it quotes a secret of the project"

_PREFIX = re.compile(r"^(?:Poco::Exception\. )?Code: (\d+)(?:\.|,) (?:e\.code\(\) = \d+, )?(?:DB::Exception: )?")
_VERSION = re.compile(r"\s*\(version [^()]*(?:\([^()]*\))?\)\s*$")
# An exception that was caught and thrown again holds the first one's text whole: its code before, this behind.
_AGAIN = re.compile(r"(?: \(version [^()]*(?:\([^()]*\))?\)\. \([A-Z0-9_]+\))+\s*$")
_STACK = re.compile(r"\s*(?:,? ?Stack trace\b|\n\s*0\. ).*$", re.DOTALL)
# Our SQL and plan inside ClickHouse's text: the query around an unknown name, the function or step that was running,
# the source around a syntax error. Each ends where the name of the error begins.
_NAME = r"(?=\s*(?:\([A-Z0-9_]+\)\s*)?$)"
_OUR_SQL = re.compile(r"(?:\.? In scope .*?|[:,.]? ?[Ww]hile (?:executing|processing) .*?)" + _NAME, re.DOTALL)
_SYNTAX = re.compile(r"(Syntax error[^:]*: failed at position \d+).*?" + _NAME, re.DOTALL)
_USER = re.compile(r"^[^:\s]+: (?=Not enough privileges)")


def exception_code(text: str) -> int:
    """The code in ClickHouse's `Code: 47. DB::Exception: …`; 0 where there is none."""
    match = _PREFIX.search(text)
    return int(match[1]) if match else 0


def clean_text(text: str) -> str:
    """ClickHouse's message without its stack trace, version, our SQL and our user; the error's name stays."""
    message = _VERSION.sub("", _STACK.sub("", text.strip()))
    message = _AGAIN.sub("", message)
    while (inner := _PREFIX.sub("", message)) != message:
        message = inner
    message = _USER.sub("", message)
    return _SYNTAX.sub(r"\1", _OUR_SQL.sub("", message)).strip()


def request_error(text: str, limits: Limits, code: int | None = None) -> RequestError:
    """The error to answer a failed query with.

    `text` is ClickHouse's own, `code` its number where that came beside it. Limits of ours are named together with
    the setting that moves them.
    """
    code = exception_code(text) if code is None else code
    message = clean_text(text)
    headers = {"X-DB-Exception-Code": str(code)}
    if code in CREDENTIALS:
        return Unavailable("ClickHouse refused the credentials of the query API", retry_after=30)
    if code in OVERLOAD:
        return Unavailable(f"ClickHouse cannot answer now: {message}", headers=headers)
    if code in (Code.TIMEOUT_EXCEEDED, Code.TOO_SLOW):
        return too_slow(limits, headers)
    if code == Code.TOO_MANY_ROWS_OR_BYTES:
        return TooLarge(_result_limit(message, limits), headers=headers)
    if code == Code.POCO_EXCEPTION and "too long" in text:
        return TooLarge("a parameter or the query itself is longer than the 131072 bytes that ClickHouse takes")
    if code == Code.MEMORY_LIMIT_EXCEEDED and "total" in message:
        return Unavailable("ClickHouse has no memory left for this query", retry_after=5, headers=headers)
    if code in (Code.BAD_ARGUMENTS, Code.TOO_BIG_AST) and "too big" in message:
        return QueryRefused(_tree_limit(limits), code)
    return QueryRefused(_own_limit(code, limits) or message + _hint(code), code)


def without_secrets(error: QueryRefused, secrets: SecretValues) -> QueryRefused:
    """The error as a caller may see it: ClickHouse quotes bound values in its errors."""
    return QueryRefused(_HIDDEN_ERROR, error.code) if secrets.are_in(error.message) else error


def _own_limit(code: int, limits: Limits) -> str | None:
    if code == Code.MEMORY_LIMIT_EXCEEDED:
        return limit_message("the query needs more memory than", f"{limits.memory_bytes} bytes", "MEMORY_BYTES")
    if code == Code.TOO_MANY_ROWS and limits.rows_to_read:
        return limit_message("the query reads more than", f"{limits.rows_to_read} rows", "ROWS_TO_READ")
    if code == Code.TOO_MANY_BYTES and limits.bytes_to_read:
        return limit_message("the query reads more than", f"{limits.bytes_to_read} bytes", "BYTES_TO_READ")
    return None


def _tree_limit(limits: Limits) -> str:
    return (
        f"the query has more than `{limits.tree_elements}` parts once all that it names is put in\n"
        "hint: ClickHouse puts a common table expression in each time that it is named; name it fewer times"
    )


def _result_limit(message: str, limits: Limits) -> str:
    if "max rows" in message:
        return limit_message("the result has more than", f"{limits.result_rows} rows", "RESULT_ROWS")
    return limit_message("the result is larger than", f"{limits.result_bytes} bytes", "RESULT_BYTES")


def _hint(code: int) -> str:
    return "\nhint: is the project deployed? `birdhouse deploy --check` tells" if code in _NOT_DEPLOYED else ""
