"""TLS to a ClickHouse server: whose certificates are trusted, and the one that we show."""

from __future__ import annotations

import ssl
from pathlib import Path

from service.errors import SettingProblem, SettingsError
from service.settings import ServiceSettings

_CA, _CERT, _KEY = "CLICKHOUSE_CA_FILE", "CLICKHOUSE_CERT_FILE", "CLICKHOUSE_KEY_FILE"


def tls_context(settings: ServiceSettings) -> ssl.SSLContext | None:
    """What connections to the server of the settings use; None for plain HTTP.

    Certificate and host name are always checked, by `CLICKHOUSE_CA_FILE` alone where that is given, else by what the
    machine trusts. Raises `SettingsError` that names the file which cannot be used.
    """
    address = settings.clickhouse_address
    files = {_CA: settings.clickhouse_ca_file, _CERT: settings.clickhouse_cert_file, _KEY: settings.clickhouse_key_file}
    if address is None or not address.is_encrypted:
        if address is not None and (given := [name for name, path in files.items() if path is not None]):
            raise _problem(given[0], "means nothing for a URL without TLS", "CLICKHOUSE_URL begins with `https://`?")
        return None
    for name, path in files.items():
        if path is not None:
            _check_readable(name, path)
    ca, certificate, key = files.values()
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise _problem(_CA, f"`{ca}` holds no certificate in PEM form", "the CA's certificate") from error
    if certificate is not None:
        _load_certificate(context, certificate, key)
    elif key is not None:
        raise _problem(_KEY, "is the key of a certificate that is not given", f"set {_CERT} too")
    return context


def _load_certificate(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    def no_password() -> str:
        raise _problem(_KEY, "is encrypted, and there is nobody to ask for its password", "give it without one")

    try:
        context.load_cert_chain(certificate, key, no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise _problem(_KEY, "is not the key of the certificate", f"{_CERT} and {_KEY} belong together") from error
        what = f"`{certificate}` and `{key}` hold" if key else f"`{certificate}` holds"
        hint = "a certificate and its key in PEM form; the key may stand in the certificate's file"
        raise _problem(_CERT, f"{what} no certificate with its key", hint) from error


def _check_readable(name: str, path: Path) -> None:
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise _problem(name, f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}") from error
    if is_empty:
        raise _problem(name, f"`{path}` is empty")


def _problem(name: str, message: str, hint: str = "") -> SettingsError:
    return SettingsError([SettingProblem(name, message, hint)])
