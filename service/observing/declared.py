"""What an observation declares of itself: its log line and its metrics, or why it has none."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, fields
from functools import cached_property
from string import Formatter
from types import ModuleType
from typing import Any, ClassVar, TypeVar

from service.observing.metric import Measure, Metric

_Kind = TypeVar("_Kind", bound="Declared")


@dataclass(frozen=True)  # without slots, which a cached property cannot be in
class Line:
    """A log line. `{member}` in the message stands for a member's value; `traceback` names the member that is an
    exception. A level that depends on the observation is a function of it."""

    level: int | Callable[[Any], int]
    message: str
    traceback: str | None = None

    @cached_property
    def members(self) -> frozenset[str | None]:
        """The members that are shown besides the line's fields."""
        return frozenset([self.traceback, *(name for _, name, _, _ in Formatter().parse(self.message))])


@dataclass(frozen=True, slots=True)
class Without:
    """Says in place of a line or of metrics why there are none."""

    because: str


class Declared:
    """The base of each service's observations, which are dataclasses with slots; every one sets `log` and `metrics`."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    log: ClassVar[Line | Without]
    metrics: ClassVar[tuple[Measure, ...] | Without]

    def log_fields(self) -> dict[str, object]:
        """The fields of its line: the members that the line does not show otherwise, short enough to be read."""
        shown = self.log.members if isinstance(self.log, Line) else ()
        return {field.name: _short(getattr(self, field.name)) for field in fields(self) if field.name not in shown}


def declared_in(base: type[_Kind], *modules: ModuleType) -> tuple[type[_Kind], ...]:
    """The kinds of observations that these modules define below `base`, in the order in which they stand there."""
    return tuple(
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and issubclass(kind, base) and kind is not base
    )


def measures_of(kind: type[Declared]) -> tuple[Measure, ...]:
    """How observations of this kind are measured; empty for one that says why it is not."""
    return () if isinstance(kind.metrics, Without) else kind.metrics


def metrics_of(kinds: Iterable[type[Declared]]) -> tuple[Metric, ...]:
    """Every metric that these kinds are measured by, each once."""
    return tuple(dict.fromkeys(measure.metric for kind in kinds for measure in measures_of(kind)))


def _short(value: object) -> object:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, tuple) and all(isinstance(member, str) for member in value):
        return ", ".join(value)
    return value
