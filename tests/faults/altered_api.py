"""A `query-api` as a process of its own that leaves the protections out that its arguments name; none by default."""

from __future__ import annotations

import sys
from typing import Any

from query_api.__main__ import main
from query_api.events import writer


def _end(self: Any, error: Exception) -> None:
    """A producer that failed for good ends the thread that serves it."""
    self._is_closed.set()


if __name__ == "__main__":
    if "renewal" in sys.argv[1:]:
        # What this fault is about: the protection is taken out of the class itself.
        writer.Writer._recover = _end  # type: ignore[method-assign]
    main()
