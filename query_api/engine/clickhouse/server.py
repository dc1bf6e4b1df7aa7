"""Which ClickHouse is asked, and as whom."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Self

from pydantic import SecretStr

from service.clickhouse.tls import tls_context
from service.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class ClickHouseServer:
    """Where the server is and who asks; `password` is shown nowhere. `tls` is what an `https` URL is asked with."""

    url: str
    database: str
    user: str
    password: str | SecretStr = field(repr=False)
    tls: ssl.SSLContext | None = None
    has_certificate: bool = False

    @classmethod
    def of(cls, settings: ServiceSettings) -> Self:
        """The server of `CLICKHOUSE_URL`, which must be set. Raises `SettingsError` for TLS files."""
        assert settings.clickhouse_url is not None
        return cls(
            settings.clickhouse_url,
            settings.clickhouse_database,
            settings.clickhouse_user,
            settings.clickhouse_password,
            tls_context(settings),
            settings.clickhouse_cert_file is not None,
        )
