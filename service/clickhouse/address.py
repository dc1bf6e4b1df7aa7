"""Where a ClickHouse server is: `CLICKHOUSE_URL` taken apart."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

# ClickHouse's own ports, not those of HTTP: what a URL without a port means to ClickHouse's clients.
_DEFAULT_PORTS = {"http": 8123, "https": 8443}
_HOST_AND_PORT = re.compile(r"[^:\s\[\]]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_PATH = re.compile(r"(/[\w.~!$&'()*+,;=:%-]*)*", re.ASCII)
ACCEPTED = "accepted is `http://host:port` or `https://host:port`, with a path where a proxy needs one"


@dataclass(frozen=True, slots=True)
class Address:
    """A server's HTTP interface. `path` is what a proxy before it wants, as it was written: none or `/click/house/`."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """Where requests go to; without a path it ends in `/`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path or '/'}"

    @property
    def is_this_machine(self) -> bool:
        """Whether it is the loopback interface's."""
        with suppress(ValueError):
            return ip_address(self.host).is_loopback
        return self.host == "localhost"

    @property
    def is_encrypted(self) -> bool:
        return self.scheme == "https"


def parse_address(url: str) -> Address:
    """The address in a URL. Raises `ValueError`, with a sentence for people that holds no part of the URL."""
    # Looked for everywhere, because a password with a slash in it ends the part where credentials belong.
    if "@" in url:
        raise ValueError("the URL holds credentials; give them in `CLICKHOUSE_USER` and `CLICKHOUSE_PASSWORD`")
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or "?" in url or "#" in url:
        raise ValueError(ACCEPTED)
    if not _HOST_AND_PORT.fullmatch(parts.netloc) or not _PATH.fullmatch(parts.path):
        raise ValueError(ACCEPTED)
    port = parts.port  # raises ValueError itself, with a text of its own, above 65535
    if port == 0 or not parts.hostname:
        raise ValueError(ACCEPTED)
    path = parts.path if parts.path.strip("/") else ""
    return Address(parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme], path)
