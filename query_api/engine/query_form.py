"""A query as the multipart body of ClickHouse's HTTP interface: the SQL and the bound values, nothing in the URL.

URLs end up in logs of proxies and are short; fields of a form may hold 128 KiB each.
"""

from __future__ import annotations

from query_api.engine.execute import checked_values
from query_api.engine.limits import MAX_VALUE_BYTES
from query_api.errors import TooLarge
from query_api.random_hex import random_hex
from schemas.queries.query import Query


def query_form(query: Query) -> tuple[str, bytes]:
    """The Content-Type and the body that ask a query. Raises `TooLarge` for what ClickHouse would not read."""
    values = checked_values(query)
    sql = query.sql.encode()
    if len(sql) > MAX_VALUE_BYTES:
        raise TooLarge(f"the query is longer than the {MAX_VALUE_BYTES} bytes that ClickHouse takes")
    # 128 random bits: no value can hold the boundary, because nobody knows it before.
    boundary = random_hex()
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    # Encoded at once, but for the SQL, which is encoded already for its length.
    fields = [f'{head}param_{name}"\r\n\r\n{value}\r\n' for name, value in values.items()]
    body = b'%bquery"\r\n\r\n%b\r\n' % (head.encode(), sql) + "".join([*fields, f"--{boundary}--\r\n"]).encode()
    return f"multipart/form-data; boundary={boundary}", body
