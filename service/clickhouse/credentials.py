"""Who we are to a ClickHouse server: the headers of each request."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache

from pydantic import SecretStr

# The user of a ClickHouse that nobody has set up.
NOBODY = "default"


def credentials(user: str, password: SecretStr, *, has_certificate: bool = False) -> Callable[[], Mapping[str, str]]:
    """A function that gives the headers; it is to be called for each request, as the password may be a file's.

    With a certificate, no password and a user of a name of its own ClickHouse is asked to know the user by the
    certificate (https://clickhouse.com/docs/guides/sre/ssl-user-auth).
    """
    if has_certificate and user != NOBODY and not password.get_secret_value():
        by_certificate = {"X-ClickHouse-User": user, "X-ClickHouse-SSL-Certificate-Auth": "on"}
        return lambda: by_certificate
    if ":" in user:
        return lambda: {"X-ClickHouse-User": user, "X-ClickHouse-Key": password.get_secret_value()}
    # A header of its own would not take every character that a password may have.
    return lambda: {"Authorization": _basic(user, password.get_secret_value())}


@lru_cache(maxsize=8)
def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
