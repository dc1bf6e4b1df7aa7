"""Why a ClickHouse server cannot be asked, in the same words from every client: the API's and clickhouse-connect's."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator

from service.clickhouse.codes import CREDENTIALS
from service.settings import ServiceSettings

CANNOT_BE_REACHED = "cannot be reached"
STRANGE_ANSWER = "cannot be asked: what answers there is no ClickHouse"
CREDENTIALS_HINT = "CLICKHOUSE_USER and CLICKHOUSE_PASSWORD (or CLICKHOUSE_PASSWORD_FILE) say who we are"

# X509_V_ERR_…, https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED = 9, 10, 18
_UNKNOWN_CA = frozenset({2, 19, 20, 21})
_OTHER_HOST = frozenset({62, 63, 64})
_CA_HINT = "CLICKHOUSE_CA_FILE names the CA that signed it"
_CLIENT_HINT = "CLICKHOUSE_CERT_FILE and CLICKHOUSE_KEY_FILE give one"
# What the server says of our certificate or of none, by OpenSSL's name of the alert.
_ALERTS = (
    ("CERTIFICATE_REQUIRED", "it asks for a client certificate", _CLIENT_HINT),
    ("UNKNOWN_CA", "it does not trust our client certificate, or its CA", _CLIENT_HINT),
    ("CERTIFICATE_EXPIRED", "our client certificate has expired", _CLIENT_HINT),
    ("CERTIFICATE_REVOKED", "our client certificate is revoked", _CLIENT_HINT),
    ("BAD_CERTIFICATE", "it refuses our client certificate, or asks for one", _CLIENT_HINT),
    ("CERTIFICATE_UNKNOWN", "it refuses our client certificate", _CLIENT_HINT),
    ("ALERT_ACCESS_DENIED", "it refuses our client certificate", _CLIENT_HINT),
    ("HANDSHAKE_FAILURE", "it refuses the TLS handshake: it may ask for a client certificate", _CLIENT_HINT),
)
_CLOSED = "the connection was closed without an answer"
_CLOSED_HINT = f"a server that asks for a client certificate may do that: {_CLIENT_HINT}"
# The other side's first bytes were no TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_NO_TLS_HINT = "is it the port without TLS? then CLICKHOUSE_URL begins with `http://`"
_TLS_HINT = "does it speak TLS? then CLICKHOUSE_URL begins with `https://`"
# The beginning of a TLS alert, as an HTTP parser quotes it when it gets one instead of an answer.
_TLS_RECORD = re.compile(r"\\x15\\x03|\x15\x03")
_HTTP_STATUS = re.compile(r"HTTP status (\d{3})")
PATH_HINT = "CLICKHOUSE_URL names ClickHouse's HTTP interface, with the path where a proxy needs one"


def connection_failure(error: BaseException, *, is_encrypted: bool | None = None) -> tuple[str, str] | None:
    """What kept a client from the server, and what helps (or ``), without addresses; None for what a server said.

    `is_encrypted`: whether TLS was spoken, where that is known.
    """
    found = list(_chain(error))
    closed_hint = {True: _CLOSED_HINT, False: _TLS_HINT, None: ""}[is_encrypted]
    for each in found:
        if isinstance(each, ssl.SSLCertVerificationError):
            return _certificate(each)
    for each in found:
        is_end = isinstance(each, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        if isinstance(each, ssl.SSLError) and not is_end and getattr(each, "reason", None):
            return _handshake(each)
    if any(_TLS_RECORD.search(repr(each)) for each in found):
        return "the answer is not HTTP", _TLS_HINT
    for each in found:
        if isinstance(each, socket.gaierror):
            return "its host name is not known", "CLICKHOUSE_URL says where it is"
        if isinstance(each, TimeoutError) or "timed out" in str(each):
            return "no answer in time", ""
        if isinstance(each, ConnectionRefusedError):
            return "connection refused", "nothing listens there: CLICKHOUSE_URL says where it is"
    for each in found:
        if isinstance(each, OSError) and each.errno and not isinstance(each, ssl.SSLError):
            return _without_address(each), closed_hint if isinstance(each, ConnectionResetError) else ""
    names = {type(each).__name__ for each in found}
    if names & {"RemoteDisconnected", "IncompleteRead", "SSLEOFError", "SSLZeroReturnError"}:
        return _CLOSED, closed_hint
    return None


def trouble_of(error: BaseException, settings: ServiceSettings) -> tuple[str, str]:
    """Why a synchronous client cannot work with the server of the settings: a sentence without addresses, and a hint
    (or ``)."""
    address = settings.clickhouse_address
    if (found := connection_failure(error, is_encrypted=address.is_encrypted if address else None)) is not None:
        return f"{CANNOT_BE_REACHED}: {found[0]}", found[1]
    code = getattr(error, "code", None)
    if code in CREDENTIALS:
        return f"does not let the user `{settings.clickhouse_user}` in", CREDENTIALS_HINT
    if code is not None:
        return f"refuses: {first_line(error)}", ""
    match = _HTTP_STATUS.search(str(error))
    return f"{STRANGE_ANSWER}: HTTP status {match[1]}" if match else STRANGE_ANSWER, PATH_HINT


def first_line(error: BaseException) -> str:
    """The first line of what a server said, for people."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _certificate(error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    code, text = error.verify_code, (error.verify_message or "it cannot be verified").rstrip(".")
    if code == _EXPIRED:
        return "its certificate has expired", ""
    if code == _NOT_YET_VALID:
        return "its certificate is not valid yet", ""
    if code == _SELF_SIGNED:
        return "its certificate is signed by itself, and is not one that we trust", _CA_HINT
    if code in _UNKNOWN_CA:
        return "its certificate is signed by a CA that we do not trust", _CA_HINT
    if code in _OTHER_HOST:
        return "its certificate is for another host name", "CLICKHOUSE_URL must name a host that the certificate names"
    return f"its certificate is not accepted: {text[:1].lower()}{text[1:]}", ""


def _handshake(error: ssl.SSLError) -> tuple[str, str]:
    said = error.reason.upper().replace(" ", "_")
    if any(name in said for name in _NO_TLS):
        return "it does not speak TLS", _NO_TLS_HINT
    for name, text, hint in _ALERTS:
        if name in said:
            return text, hint
    return f"the TLS handshake failed: {error.reason.lower().replace('_', ' ')}", ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and every error that it was made of, the outermost first."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        each = pending.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        # urllib3 keeps what happened in `reason`.
        pending += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]


def _without_address(error: OSError) -> str:
    """The system's words for an error number: what libraries write themselves holds addresses."""
    return os.strerror(error.errno or 0).lower()
