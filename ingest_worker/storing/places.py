"""What the worker's work is divided by: places of a topic, and the lots of a data source in them."""

from __future__ import annotations

Place = tuple[str, int]
"""A topic and a partition of it."""


Lot = tuple[str, str, int]
"""A data source, a topic and a partition of it: what has one owner, one lane and one scan."""
