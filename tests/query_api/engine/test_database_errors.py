"""Exceptions of ClickHouse become honest answers that show nothing of ours."""

from __future__ import annotations

import pytest

from query_api.engine.database_errors import clean_text, exception_code, request_error, without_secrets
from query_api.engine.limits import Limits
from query_api.errors import QueryRefused
from schemas.queries.secrets import SecretValues

LIMITS = Limits(execution_seconds=2.5, memory_bytes=1000, rows_to_read=10, bytes_to_read=20, result_rows=3)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            "Code: 47. DB::Exception: Unknown expression identifier `nosuch`. In scope SELECT nosuch, 'x. (Y)' FROM "
            "system.one. (UNKNOWN_IDENTIFIER) (version 26.9.2.1)",
            47,
            "Unknown expression identifier `nosuch` (UNKNOWN_IDENTIFIER)",
        ),
        (
            "Code: 36. DB::Exception: Code: 36. DB::Exception: Column 'name' is required. (BAD_ARGUMENTS) "
            "(version 26.9.2.1). (BAD_ARGUMENTS) (version 26.9.2.1 (official build)). (BAD_ARGUMENTS)",
            36,
            "Column 'name' is required. (BAD_ARGUMENTS)",
        ),
        (
            "Code: 41. DB::Exception: Cannot parse DateTime from String: while executing 'FUNCTION toDateTime(x)'. "
            "(CANNOT_PARSE_DATETIME) (version 26.9.2.1 (official build))\n",
            41,
            "Cannot parse DateTime from String (CANNOT_PARSE_DATETIME)",
        ),
        (
            "Code: 62. DB::Exception: Syntax error: failed at position 7 (1): 1 from secret. Expected one of: "
            "token. (SYNTAX_ERROR) (version 26.9.2.1)",
            62,
            "Syntax error: failed at position 7 (SYNTAX_ERROR)",
        ),
        (
            "Code: 497. DB::Exception: reader: Not enough privileges. To execute this query, it's necessary to have "
            "the grant READ ON FILE. (ACCESS_DENIED) (version 26.9.2.1)",
            497,
            "Not enough privileges. To execute this query, it's necessary to have the grant READ ON FILE. "
            "(ACCESS_DENIED)",
        ),
        (
            "Code: 395. DB::Exception: boom. (NAME), Stack trace (when copying this message, always include the "
            "lines below):\n\n0. /src/x.cpp:1: throwIf\n (version 26.9.2.1)",
            395,
            "boom. (NAME)",
        ),
        ("no code at all", 0, "no code at all"),
    ],
)
def test_text_is_cleaned_and_its_name_stays(text: str, code: int, message: str) -> None:
    assert exception_code(text) == code
    assert clean_text(text) == message


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("Code: 159. DB::Exception: Timeout exceeded: elapsed 2600 ms.", 408, "`2.5 s`.*MAX_EXECUTION_SECONDS"),
        ("Code: 241. DB::Exception: Query memory limit exceeded", 400, "`1000 bytes`.*MAX_MEMORY_BYTES"),
        ("Code: 241. DB::Exception: (total) memory limit exceeded", 503, "no memory left"),
        ("Code: 158. DB::Exception: Limit for rows exceeded", 400, "`10 rows`.*MAX_ROWS_TO_READ"),
        ("Code: 307. DB::Exception: Limit for rows or bytes exceeded", 400, "`20 bytes`.*MAX_BYTES_TO_READ"),
        ("Code: 396. DB::Exception: Limit for result exceeded, max rows: 3.00", 413, "`3 rows`.*MAX_RESULT_ROWS"),
        ("Code: 396. DB::Exception: Limit for result exceeded, max bytes: 1", 413, "bytes`.*MAX_RESULT_BYTES"),
        ("Code: 202. DB::Exception: Too many simultaneous queries", 503, "cannot answer now"),
        ("Code: 516. DB::Exception: reader: Authentication failed", 503, "refused the credentials of the query API$"),
        ("Poco::Exception. Code: 1000, e.code() = 0, HTML Form Exception: Field value too long", 413, "131072"),
        ("Code: 60. DB::Exception: Table db.x does not exist. (UNKNOWN_TABLE)", 400, "birdhouse deploy --check"),
        ("Code: 457. DB::Exception: Value x cannot be parsed as Int32", 400, "^Value x cannot be parsed"),
    ],
)
def test_each_code_has_its_status_and_limits_name_their_setting(text: str, status: int, words: str) -> None:
    error = request_error(text, LIMITS)
    assert error.status == status
    with pytest.raises(type(error), match=f"(?s){words}"):
        raise error
    assert ("Retry-After" in error.headers) == (status == 503)


def test_the_code_goes_along_as_a_header() -> None:
    assert request_error("Code: 47. DB::Exception: x", LIMITS).headers == {"X-DB-Exception-Code": "47"}
    assert request_error("anything", LIMITS, 47).headers == {"X-DB-Exception-Code": "47"}


def test_an_error_that_quotes_a_secret_keeps_its_code_alone() -> None:
    told = without_secrets(QueryRefused("Cannot parse string 'HUSH' as UInt8", 6), SecretValues.of(["hush"]))
    assert told.code == 6
    assert told.headers == {"X-DB-Exception-Code": "6"}
    assert "hush" not in told.message.lower()
    plain = QueryRefused("Cannot parse string 'x'", 6)
    assert without_secrets(plain, SecretValues.of(["hush"])) is plain
