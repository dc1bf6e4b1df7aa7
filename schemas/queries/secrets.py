"""Keeps the values of a project's secrets out of everything that is shown: explanations, and ClickHouse's errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class SecretValues:
    """What must be shown nowhere. A text that holds one, in whatever case, is hidden whole: a template may have put
    more around a secret, or changed its case, and what is left of the text could tell it."""

    _folded: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, values: Iterable[str]) -> Self:
        """Empty values are no secrets."""
        return cls(frozenset(value.casefold() for value in values if value))

    def are_in(self, text: str) -> bool:
        if not self._folded:
            return False
        folded = text.casefold()
        return any(secret in folded for secret in self._folded)

    def hide(self, text: str) -> str:
        """The text, or `***` for one with a secret in it."""
        return HIDDEN if self.are_in(text) else text
