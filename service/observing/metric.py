"""What a metric is called and means, and how an observation counts in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, ClassVar, Literal

Value = str | float | Callable[[Any], float | None]
"""A member's name, a number, or what a function makes of the observation. None is not measured."""


@dataclass(frozen=True, slots=True)
class Member:
    """A label's value is the member of this name, where that is not the label's own name."""

    name: str


@dataclass(frozen=True, slots=True)
class Among:
    """An observation is only measured while this member is one of these values."""

    member: str
    values: Collection[object]


Label = str | Member
"""A label's value: always the same, or a member's."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its name without the service's prefix and with its unit at the end (`_seconds`, `_bytes`), what it
    says, and its labels. Labels hold names of the project and words of ours: nobody else can make up a series."""

    kind: ClassVar[str]

    name: str
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counter(Metric):
    """A number that only grows; Prometheus gives its name a `_total`."""

    kind: ClassVar[str] = "counter"

    def inc(self, by: Value = 1, *, when: Among | None = None, **labels: Label) -> Measure:
        """Declares that an observation counts here. A label that is not given is the member of its name."""
        return Measure(self, by, labels, when)

    def inc_each(self, label: str, member: str) -> Measure:
        """Declares that each entry of a member, a mapping of numbers, counts here; its key is the label's value."""
        return Measure(self, member, {}, each=label)


@dataclass(frozen=True, slots=True)
class Gauge(Metric):
    """A number as it is now. Where several processes answer as one, it is what `across` makes of theirs."""

    kind: ClassVar[str] = "gauge"

    across: Literal["livesum", "livemin", "livemax"] = "livesum"

    def set(self, value: Value, **labels: Label) -> Measure:
        """Declares that an observation says what the number is now. Labels as for `Counter.inc`."""
        return Measure(self, value, labels)


@dataclass(frozen=True, slots=True)
class Histogram(Metric):
    """How often a number was how large; `buckets` are upper bounds."""

    kind: ClassVar[str] = "histogram"

    buckets: tuple[float, ...] = ()

    def observe(self, value: Value, **labels: Label) -> Measure:
        """Declares that an observation is one of those that are counted by size. Labels as for `Counter.inc`."""
        return Measure(self, value, labels)


@dataclass(frozen=True, slots=True)
class Measure:
    """What one kind of observation adds to a metric; made by `inc`, `inc_each`, `set` and `observe`."""

    metric: Metric
    value: Value
    given: Mapping[str, Label] = field(default_factory=dict)
    when: Among | None = None
    each: str | None = None

    def labels(self) -> Iterator[tuple[str, Label]]:
        """The metric's labels with what they are; without the one that differs by entry."""
        for name in self.metric.labels:
            if name != self.each:
                yield name, self.given.get(name, Member(name))

    def members(self) -> Iterator[str]:
        """The members that decide in which series an observation counts."""
        yield from (label.name for _, label in self.labels() if isinstance(label, Member))
        if self.when is not None:
            yield self.when.member


def reader_of(value: Value) -> Callable[[Any], Any]:
    """What gives a declared value of an observation."""
    if isinstance(value, str):
        return attrgetter(value)
    return value if callable(value) else lambda _: value


def text_of(label: Label, members: Mapping[str, object]) -> str:
    """A label's value; `none` for a member that is None."""
    if isinstance(label, str):
        return label
    value = members[label.name]
    return "none" if value is None else str(value)
