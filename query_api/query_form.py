"""A query as the multipart body of ClickHouse's HTTP interface: the SQL and the bound values, nothing in the URL.

URLs end up in logs of proxies and are short; fields of a form may hold 128 KiB each.
"""

from __future__ import annotations

import secrets

from query_api.errors import TooLarge
from query_api.execute import check_values, transported
from query_api.limits import MAX_VALUE_BYTES
from query_api.query import Query


def query_form(query: Query) -> tuple[str, bytes]:
    """The Content-Type and the body that ask a query. Raises `TooLarge` for what ClickHouse would not read."""
    check_values(query)
    if len(query.sql.encode()) > MAX_VALUE_BYTES:
        raise TooLarge(f"the query is longer than the {MAX_VALUE_BYTES} bytes that ClickHouse takes")
    fields = {"query": query.sql.encode()}
    fields |= {f"param_{name}": value.encode() for name, value in transported(query).items()}
    # 128 random bits: no value can hold the boundary, because nobody knows it before.
    boundary = secrets.token_hex(16)
    parts = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary.encode(), name.encode(), value)
        for name, value in fields.items()
    ]
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, b"--%b--\r\n" % boundary.encode()])
