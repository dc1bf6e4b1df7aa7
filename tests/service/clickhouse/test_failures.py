"""What keeps a client from ClickHouse is told in the same words, whichever client met it, and without addresses."""

from __future__ import annotations

import socket
import ssl

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from service.clickhouse.codes import CREDENTIALS, OVERLOAD, PASSING, Code
from service.clickhouse.failures import connection_failure, first_line, trouble_of
from service.settings import ServiceSettings, load_settings

SETTINGS = load_settings(ServiceSettings, {"CLICKHOUSE_URL": "http://secret-host:8123", "CLICKHOUSE_USER": "loader"})


def wrapped(cause: BaseException) -> OperationalError:
    """As a client raises what happened below it."""
    try:
        try:
            raise cause
        except BaseException as error:
            raise OperationalError("HTTPDriver for http://secret-host:8123 failed") from error
    except OperationalError as error:
        return error


def handshake(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


def certificate(code: int, message: str = "") -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (socket.gaierror(-2, "Name or service not known"), "its host name is not known"),
        (ConnectionRefusedError(111, "connect to secret-host refused"), "connection refused"),
        (TimeoutError("timed out"), "no answer in time"),
        (OSError(113, "No route to secret-host"), "no route to host"),
        (ConnectionResetError(104, "reset by secret-host"), "connection reset by peer"),
        (handshake("WRONG_VERSION_NUMBER"), "it does not speak TLS"),
        (handshake("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "it asks for a client certificate"),
        (handshake("UNEXPECTED_MESSAGE"), "the TLS handshake failed: unexpected message"),
        (certificate(10), "its certificate has expired"),
        (ValueError(b"\x15\x03\x03\x00\x02"), "the answer is not HTTP"),
    ],
)
def test_the_reason_is_that_of_the_cause_and_names_no_host(cause: BaseException, reason: str) -> None:
    found = connection_failure(wrapped(cause))
    assert found is not None
    assert found[0] == reason
    assert "secret-host" not in " ".join(found)


def test_a_connection_that_was_closed_is_explained_by_how_it_was_made() -> None:
    error = wrapped(ConnectionResetError(104, "reset"))
    hints = {spoken: (connection_failure(error, is_encrypted=spoken) or ("", ""))[1] for spoken in (True, False, None)}
    assert "client certificate" in hints[True]
    assert "does it speak TLS?" in hints[False]
    assert hints[None] == ""


def test_what_a_server_said_is_no_failure_of_the_connection() -> None:
    assert connection_failure(DatabaseError("Code: 60. DB::Exception: Unknown table")) is None


def said(code: int, text: str = "Code: 1. DB::Exception: no\nmore") -> DatabaseError:
    error = DatabaseError(text)
    error.code = code
    return error


def test_an_answer_is_told_by_what_it_means() -> None:
    trouble, hint = trouble_of(said(Code.AUTHENTICATION_FAILED), SETTINGS)
    assert (trouble, "CLICKHOUSE_PASSWORD" in hint) == ("does not let the user `loader` in", True)
    assert trouble_of(said(Code.TOO_MANY_PARTS), SETTINGS)[0] == "refuses: Code: 1. DB::Exception: no"
    assert trouble_of(OperationalError("HTTP status 404"), SETTINGS)[0].endswith("no ClickHouse: HTTP status 404")
    assert trouble_of(wrapped(TimeoutError()), SETTINGS)[0] == "cannot be reached: no answer in time"


def test_an_error_without_words_has_its_name() -> None:
    assert (first_line(KeyError()), first_line(ValueError(" a\nb"))) == ("KeyError", "a")


def test_credentials_that_are_refused_do_not_pass_by_themselves() -> None:
    assert not CREDENTIALS & (PASSING | OVERLOAD)
