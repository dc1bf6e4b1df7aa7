"""Makes connections: the name resolved anew for each, every address of it tried, TLS where the address says so."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from aiohappyeyeballs import AddrInfoType, start_connection

from query_api.engine.clickhouse.connection import Connection
from query_api.engine.clickhouse.exchange_failures import NoAnswer
from service.clickhouse.address import Address

CONNECT_SECONDS = 5.0
# After so long the next address of a name is tried beside the one before (RFC 8305).
_NEXT_ADDRESS_SECONDS = 0.25


async def dial(address: Address, tls: ssl.SSLContext | None, make: Callable[[], Connection]) -> Connection:
    """A connection to the address, TLS handshake and all. Raises `NoAnswer` with its cause."""
    try:
        addresses = await _addresses(address.host, address.port)
        async with asyncio.timeout(CONNECT_SECONDS):
            return await _connected(addresses, address, tls, make)
    except (OSError, TimeoutError, RuntimeError, UnicodeError) as error:
        # RuntimeError is uvloop's for some sockets; UnicodeError is a name's that cannot be one.
        raise NoAnswer from error


async def _addresses(host: str, port: int) -> list[AddrInfoType]:
    loop = asyncio.get_running_loop()
    with suppress(ValueError):
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
        where = (host, port, 0, 0) if family is socket.AF_INET6 else (host, port)
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)]
    found: list[Any] = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return found


async def _connected(
    addresses: list[AddrInfoType], address: Address, tls: ssl.SSLContext | None, make: Callable[[], Connection]
) -> Connection:
    loop = asyncio.get_running_loop()
    sock = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS, loop=loop)
    try:
        _, connection = await loop.create_connection(
            make,
            sock=sock,
            ssl=(tls or True) if address.is_encrypted else None,
            server_hostname=address.host.rstrip(".") if address.is_encrypted else None,
        )
    except BaseException:
        # The event loop may not have taken it yet.
        with suppress(OSError):
            sock.close()
        raise
    return connection
