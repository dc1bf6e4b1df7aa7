"""A type that can be filled from JSON, with the JSON texts that it takes and those that it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """A type, the JSON texts it takes → what ClickHouse shows then, those it refuses, and a DEFAULT: as written, as
    shown."""

    type: str
    takes: Mapping[str, str]
    refuses: tuple[str, ...]
    default: tuple[str, str]

    @property
    def is_container(self) -> bool:
        return self.type.startswith(("Array", "Map", "Tuple"))
