"""Gauges of a state, by the same declarations as those of observations, read when somebody asks for the metrics."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily

from service.observing.metric import Measure, reader_of, text_of


def gauges_of(measures: Iterable[Measure], prefix: str, states: Collection[object]) -> Iterator[GaugeMetricFamily]:
    """A gauge for each measure, with what it makes of each of `states`; `prefix` begins every name."""
    for measure in measures:
        metric, read = measure.metric, reader_of(measure.value)
        family = GaugeMetricFamily(prefix + metric.name, metric.help, labels=metric.labels)
        for state in states:
            value = read(state)
            if value is not None:
                members = {name: getattr(state, name) for name in measure.members()}
                family.add_metric([text_of(label, members) for _, label in measure.labels()], float(value))
        yield family
