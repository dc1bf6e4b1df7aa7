"""What the mapping's SQL gives, asked of the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from schemas.sql.text import literal

Evaluate = Callable[..., Any]


@pytest.fixture(scope="session")
def evaluate(embedded_engine: Any) -> Iterator[Evaluate]:
    """Gives the value of an expression over a row that has `message` as its `__value`."""
    client = embedded_engine.client()

    def value_of(expression: str, message: str = "") -> Any:
        rows = client.query(f"SELECT {expression} FROM (SELECT {literal(message)} AS `__value`)").result_rows
        return rows[0][0]

    yield value_of
    client.close()
