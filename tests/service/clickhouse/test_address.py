"""`CLICKHOUSE_URL`: what is taken, and where it leads."""

from __future__ import annotations

import pytest

from service.clickhouse.address import parse_address
from service.settings import ServiceSettings, load_settings


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://host", "http://host:8123/"),
        ("https://host/", "https://host:8443/"),
        ("http://host:80//", "http://host:80/"),
        ("http://host:8123/clickhouse", "http://host:8123/clickhouse"),
        ("https://host/a/b-c_d/", "https://host:8443/a/b-c_d/"),
        ("http://[::1]:8123", "http://[::1]:8123/"),
        ("https://[2001:db8::2]/p", "https://[2001:db8::2]:8443/p"),
    ],
)
def test_a_url_leads_to_one_place_whoever_asks(url: str, asked: str) -> None:
    settings = load_settings(ServiceSettings, {"CLICKHOUSE_URL": url})
    assert settings.clickhouse_address is not None
    assert settings.clickhouse_address.url == asked


@pytest.mark.parametrize(
    "url",
    [
        *("host:8123", "ftp://host", "http://", "http://:8123", "http://host:", "http://host:0", "http://host:65536"),
        *("http://host/?database=a", "http://host/?", "http://host/#a", "http://user:p@host", "http://host/a@b"),
        *("http://[::1", "http://ho st", "http://host/a b", "http://a:1:2"),
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_address(url)


@pytest.mark.parametrize(
    ("host", "is_this_machine"),
    [("localhost", True), ("127.0.0.1", True), ("[::1]", True), ("10.0.0.7", False), ("clickhouse", False)],
)
def test_the_loopback_interface_is_known(host: str, is_this_machine: bool) -> None:
    assert parse_address(f"http://{host}:8123").is_this_machine is is_this_machine
