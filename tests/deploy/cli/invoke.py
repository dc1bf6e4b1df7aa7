"""What tests of commands share: how one is called, and a secret."""

from __future__ import annotations

from collections.abc import Callable

from click.testing import Result

Invoke = Callable[..., Result]
SECRET = "s" * 32
