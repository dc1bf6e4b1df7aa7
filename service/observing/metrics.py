"""Observations as Prometheus metrics: the series of each are looked up once, then counting is all that is left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar

import prometheus_client as client
from prometheus_client.metrics import MetricWrapperBase

from service.observing.declared import Declared, measures_of, metrics_of
from service.observing.metric import Counter, Gauge, Histogram, Measure, Metric, reader_of, text_of

# `labels()` validates and locks, which costs more than counting; so many combinations of a kind are remembered.
_MAX_COMBINATIONS = 4_096

_Add = Callable[[Any], None]
# What reads a value of an observation, and what adds it to a series.
_Series = tuple[Callable[[Any], Any], _Add]
_Family = Callable[[Mapping[str, str]], _Add]
"""Gives what adds to one series of a metric, by its labels."""
_Wrapper = TypeVar("_Wrapper", bound=MetricWrapperBase)


class MetricsObserver:
    """Measures observations in a registry."""

    def __init__(self, kinds: Iterable[type[Declared]], prefix: str, registry: client.CollectorRegistry) -> None:
        """`kinds` are all that will be observed, `prefix` begins every metric's name. ValueError when two metrics of
        one name are not the same."""
        kinds = tuple(kinds)
        families = {metric: _create(metric, prefix, registry) for metric in metrics_of(kinds)}
        self._counted = {kind: _counted(measures, families) for kind in kinds if (measures := measures_of(kind))}

    def observe(self, observation: Declared) -> None:
        """Count one observation. May be called from any thread."""
        counted = self._counted.get(type(observation))
        if counted is None:
            return
        combination_of, series_of = counted
        for read, add in series_of(combination_of(observation)):
            value = read(observation)
            if value is not None:
                add(value)


def _counted(
    measures: Sequence[Measure], families: Mapping[Metric, _Family]
) -> tuple[Callable[[Any], Any], Callable[[Any], list[_Series]]]:
    """What gives the members of an observation that decide where it counts, and the series by these."""
    names = tuple(dict.fromkeys(name for measure in measures for name in measure.members()))

    @lru_cache(maxsize=_MAX_COMBINATIONS)
    def series_of(combination: Any) -> list[_Series]:
        # `attrgetter` gives a tuple for more than one name alone.
        members = dict(zip(names, combination if len(names) > 1 else (combination,), strict=bool(names)))
        found: list[_Series] = []
        for measure in measures:
            if measure.when is None or members[measure.when.member] in measure.when.values:
                _append(found, measure, families[measure.metric], members)
        return found

    return attrgetter(*names) if names else lambda _: (), series_of


def _append(found: list[_Series], measure: Measure, family: _Family, members: Mapping[str, object]) -> None:
    """Add a measure's series, which begins with its first value: an empty one would say 0."""
    place, read = len(found), reader_of(measure.value)
    labels = {name: text_of(label, members) for name, label in measure.labels()}

    def add_first(value: Any) -> None:
        add = family(labels) if measure.each is None else _add_each(family, labels, measure.each)
        found[place] = (read, add)
        add(value)

    found.append((read, add_first))


def _create(metric: Metric, prefix: str, registry: client.CollectorRegistry) -> _Family:
    name = prefix + metric.name
    match metric:
        case Counter():
            counter = client.Counter(name, metric.help, metric.labels, registry=registry)
            return lambda labels: _child(counter, labels).inc
        case Gauge():
            gauge = client.Gauge(name, metric.help, metric.labels, registry=registry, multiprocess_mode=metric.across)
            return lambda labels: _child(gauge, labels).set
        case Histogram():
            buckets = metric.buckets
            histogram = client.Histogram(name, metric.help, metric.labels, buckets=buckets, registry=registry)
            return lambda labels: _child(histogram, labels).observe
        case _:
            raise TypeError(f"a metric is a counter, a gauge or a histogram: {metric}")


def _child(family: _Wrapper, labels: Mapping[str, str]) -> _Wrapper:
    return family.labels(**labels) if labels else family


def _add_each(family: _Family, labels: Mapping[str, str], label: str) -> _Add:
    adds: dict[str, _Add] = {}

    def add(values: Mapping[str, float]) -> None:
        for name, value in values.items():
            found = adds.get(name)
            if found is None:
                found = adds[name] = family({**labels, label: name})
            found(value)

    return add
