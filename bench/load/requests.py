"""Prepared HTTP requests: to an endpoint of the API, and the same question to ClickHouse itself."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from query_api.engine.execute import transported
from schemas.queries.query import Query
from service.settings import ServiceSettings


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)


def endpoint_request(api_url: str, token: str, pipe: str, values: Mapping[str, str]) -> bytes:
    """`GET /v0/pipes/PIPE.json` as a client of the API sends it."""
    query = f"?{urlencode(values)}" if values else ""
    return _request("GET", f"/v0/pipes/{quote(pipe)}.json{query}", api_url, {"Authorization": f"Bearer {token}"})


def events_request(api_url: str, token: str, data_source: str, body: bytes) -> bytes:
    """`POST /v0/events` with a body of one or more documents."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    return _request("POST", f"/v0/events?name={quote(data_source)}", api_url, headers, body)


def clickhouse_request(settings: ServiceSettings, database: str, query: Query) -> bytes:
    """The SQL, bound values and settings that the API composes, in the shortest form that ClickHouse takes them in:
    SQL as the body, values and settings in the URL, no limits, nothing else of ours."""
    assert settings.clickhouse_url is not None
    values = {f"param_{name}": text for name, text in transported(query).items()}
    parameters = {"database": database, "default_format": "JSON", **query.settings, **values}
    headers = {
        "X-ClickHouse-User": settings.clickhouse_user,
        "X-ClickHouse-Key": settings.clickhouse_password.get_secret_value(),
    }
    return _request("POST", f"/?{urlencode(parameters)}", settings.clickhouse_url, headers, query.sql.encode())


def _request(method: str, target: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    host, port = address_of(url)
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {host}:{port}",
        *(f"{key}: {text}" for key, text in headers.items()),
    ]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
