"""What was seen of the values at one place of the events."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from schemas.inference.text_forms import TextForms

Kind = Literal["bool", "int", "float", "text", "list", "object"]

_MOST_DISTINCT = 1_000
# Longer texts are no names of anything.
_LONGEST_NAME = 100


@dataclass(slots=True)
class Texts:
    """`counts` are the values and how often each came; None once there are too many, or one is too long."""

    forms: TextForms = field(default_factory=TextForms)
    counts: Counter[str] | None = field(default_factory=Counter)

    def add(self, text: str) -> None:
        self.forms.add(text)
        if self.counts is not None:
            self.counts[text] += 1
            if len(self.counts) > _MOST_DISTINCT or len(text) > _LONGEST_NAME:
                self.counts = None


@dataclass(slots=True)
class Observed:
    """The values at one place. `present` counts them with null among them; `members` are those of objects."""

    present: int = 0
    nulls: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    smallest: int | None = None
    largest: int | None = None
    has_endless_number: bool = False
    texts: Texts = field(default_factory=Texts)
    members: dict[str, Observed] = field(default_factory=dict)
    element: Observed | None = None

    @property
    def only(self) -> Kind | None:
        """The one kind that all values are of; a number is a `float` where one of them is."""
        kinds = set(self.kinds)
        if kinds == {"int", "float"}:
            return "float"
        return kinds.pop() if len(kinds) == 1 else None

    @property
    def objects(self) -> int:
        return self.kinds["object"]

    def add(self, value: Any) -> None:
        self.present += 1
        if value is None:
            self.nulls += 1
        elif isinstance(value, bool):
            self.kinds["bool"] += 1
        elif isinstance(value, int):
            self.kinds["int"] += 1
            self.smallest = value if self.smallest is None else min(self.smallest, value)
            self.largest = value if self.largest is None else max(self.largest, value)
        elif isinstance(value, float):
            self.kinds["float"] += 1
            self.has_endless_number |= not math.isfinite(value)
        elif isinstance(value, str):
            self.kinds["text"] += 1
            self.texts.add(value)
        elif isinstance(value, list):
            self._add_list(value)
        else:
            self._add_object(value)

    def _add_list(self, value: list[Any]) -> None:
        self.kinds["list"] += 1
        self.element = self.element or Observed()
        for each in value:
            self.element.add(each)

    def _add_object(self, value: dict[str, Any]) -> None:
        self.kinds["object"] += 1
        for key, each in value.items():
            self.members.setdefault(key, Observed()).add(each)
