"""Where connections go: every address of a name, IPv6, TLS with an authority of one's own."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from bench.systems.server_command import free_port
from query_api.engine.clickhouse.answer import HELD_BYTES
from query_api.engine.clickhouse.executor import HttpExecutor
from query_api.engine.clickhouse.server import ClickHouseServer
from query_api.errors import Unavailable
from tests.query_api.engine.clickhouse.own_loop import own_loop, run
from tests.query_api.engine.clickhouse.scripted_server import OK, Wire, always, ask, asked, serving, sized
from tests.secured.certificates import HERE, Authority
from tests.servers import ServerUnavailableError

pytestmark = pytest.mark.sockets


def test_a_name_is_resolved_for_each_connection_and_all_its_addresses_are_tried() -> None:
    async def scenario() -> None:
        async with serving(always(sized(b"rows", b"Connection: close"))) as server:
            there, nowhere = ("127.0.0.1", int(server.url.rpartition(":")[2])), ("127.0.0.1", free_port())
            executor = HttpExecutor(ClickHouseServer("http://house.test:8123", "d", "u", "p"), connections=1)
            with pytest.raises(Unavailable, match="its host name is not known"):
                await ask(executor)
            own_loop().hosts["house.test"] = [nowhere, there]
            assert (await ask(executor)).body == b"rows"
            own_loop().hosts["house.test"] = [nowhere]
            with pytest.raises(Unavailable, match="connection refused"):
                await ask(executor)
            own_loop().hosts["house.test"] = [there]
            assert (await ask(executor)).body == b"rows"
            assert own_loop().found == ["house.test"] * 4
            await executor.close()

    run(scenario())


async def test_an_address_of_ipv6_is_reached_and_named_in_brackets() -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with serving(always(sized(b"rows")), host="::1") as server:
        executor = HttpExecutor(ClickHouseServer(server.url, "d", "u", "p"), connections=1)
        assert (await ask(executor)).body == b"rows"
        await executor.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    try:
        return Authority(tmp_path_factory.mktemp("certificates"))
    except ServerUnavailableError as error:
        pytest.skip(str(error))


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


async def test_tls_holds_what_plain_connections_hold(authority: Authority) -> None:
    """Used again, long both ways, streamed, left by a caller, and cut."""
    long = OK + b"Content-Length: 900000000\r\n\r\n" + b"x" * 2 * HELD_BYTES

    async def script(wire: Wire) -> None:
        for answer in (sized(b"rows"), sized(b"x" * 5_000_000), long if wire.number == 0 else sized(b"cut")[:-1]):
            await wire.request()
            await wire.send(answer)
        if wire.number == 0:
            await wire.until_left()

    tls = (authority.server_context(authority.sign("server", HERE)), trusting(authority.certificate))
    async with asked(script, tls=tls) as (executor, server):
        assert (await ask(executor)).body == b"rows"
        assert len(await (await ask(executor)).whole()) == 5_000_000
        body = (await ask(executor)).body
        assert not isinstance(body, bytes)
        await anext(body)
        await body.aclose()
        await server.wires[0].left.wait()
        assert (await ask(executor)).body == b"rows"
        assert len(await (await ask(executor)).whole()) == 5_000_000
        with pytest.raises(Unavailable, match="the connection to ClickHouse broke"):
            await ask(executor)
        assert len(server.wires) == 2


async def test_an_authority_that_is_not_ours_is_not_trusted(authority: Authority) -> None:
    tls = (authority.server_context(authority.sign("server", HERE)), ssl.create_default_context())
    async with asked(always(sized(b"rows")), tls=tls) as (executor, _):
        with pytest.raises(Unavailable, match="signed by a CA that we do not trust"):
            await ask(executor)


async def test_a_client_certificate_is_asked_for(authority: Authority) -> None:
    server_side = authority.server_context(authority.sign("server", HERE), asks_clients=True)
    ours = authority.sign("client")
    with_ours = trusting(authority.certificate)
    with_ours.load_cert_chain(ours.certificate, ours.key)
    async with asked(always(sized(b"rows")), tls=(server_side, with_ours)) as (executor, _):
        assert (await ask(executor)).body == b"rows"
    async with asked(always(sized(b"rows")), tls=(server_side, trusting(authority.certificate))) as (executor, _):
        with pytest.raises(Unavailable, match=r"cannot be reached: (it asks for a client certificate|the connection)"):
            await ask(executor)


async def test_a_handshake_that_is_left_leaves_nothing() -> None:
    async def script(wire: Wire) -> None:
        await wire.until_left()

    async with serving(script) as server:
        url = server.url.replace("http://", "https://")
        executor = HttpExecutor(ClickHouseServer(url, "d", "u", "p"), connections=1)
        for number in range(2):
            asking = asyncio.create_task(ask(executor))
            await asyncio.sleep(0.05)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.wait_for(server.wires[number].left.wait(), 5)
        await executor.close()
