"""Ids of resources: derived from their names, so that they stay the same everywhere and nothing is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping


def resource_id(*names: str) -> str:
    """The id of a pipe, a data source, or (pipe, node): `t_` and 32 hexadecimal digits."""
    return "t_" + hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def names_by_id(names: Iterable[str]) -> Mapping[str, str]:
    """Pipes and data sources share one space of names, and so of ids."""
    return {resource_id(name): name for name in names}
