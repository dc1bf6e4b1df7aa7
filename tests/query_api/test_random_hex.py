"""Random text: of one length, hexadecimal, and never the same twice, from any thread."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from query_api.random_hex import random_hex


def test_none_comes_twice() -> None:
    with ThreadPoolExecutor(4) as threads:
        batches = threads.map(lambda _: [random_hex() for _ in range(2_000)], range(4))
        found = [text for batch in batches for text in batch]
    assert len(set(found)) == 8_000
    assert all(re.fullmatch("[0-9a-f]{32}", text) for text in found)
