"""Random hexadecimal text that nobody can guess, many from one system call: one for each was 3 % of a small request."""

from __future__ import annotations

import os
from collections import deque

_DIGITS = 32
_AT_ONCE = 256

_ready: deque[str] = deque()


def random_hex() -> str:
    """32 digits, 128 random bits. May be called from any thread."""
    try:
        return _ready.pop()
    except IndexError:
        digits = os.urandom(_AT_ONCE * _DIGITS // 2).hex()
        _ready.extend(digits[at : at + _DIGITS] for at in range(_DIGITS, len(digits), _DIGITS))
        return digits[:_DIGITS]
