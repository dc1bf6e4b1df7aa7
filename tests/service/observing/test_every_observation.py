"""Every observation of both services has its log line and its metrics, is measured without an error, and is made."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry

from ingest_worker.observing import metrics as worker
from ingest_worker.observing.inserts import BatchStored
from ingest_worker.status_metrics import OF_DATA_SOURCE, OF_PARTITION, OF_WORKER
from query_api.observing import metrics as api
from service.observing.declared import Declared, Line, Without, measures_of
from service.observing.log import log_to
from service.observing.metric import Counter, Gauge, Metric
from service.observing.metrics import MetricsObserver
from tests.observations import declared_twice, defined_in, example_of, forgotten_of, names_of, never_observed


@dataclass(frozen=True, slots=True)
class Service:
    package: str
    prefix: str
    kinds: tuple[type[Declared], ...]
    other_metrics: tuple[Metric, ...] = ()


SERVICES = (
    Service(
        "ingest_worker",
        worker.PREFIX,
        worker.OBSERVATIONS,
        tuple(measure.metric for measure in (*OF_WORKER, *OF_PARTITION, *OF_DATA_SOURCE)),
    ),
    Service("query_api", api.PREFIX, api.OBSERVATIONS),
)
of_each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.package)
of_each_kind = pytest.mark.parametrize(
    "kind",
    [kind for service in SERVICES for kind in service.kinds],
    ids=lambda kind: f"{kind.__module__}.{kind.__name__}",
)


@of_each_kind
def test_nothing_is_forgotten(kind: type[Declared]) -> None:
    assert list(forgotten_of(kind)) == []


@of_each_kind
def test_it_is_logged_as_declared(kind: type[Declared], caplog: pytest.LogCaptureFixture) -> None:
    line = kind.log
    with caplog.at_level(logging.DEBUG):
        log_to(logging.getLogger("some"))(example_of(kind))
    assert len(caplog.records) == isinstance(line, Line)
    for record in caplog.records:
        assert "{" not in record.getMessage()
        assert bool(record.exc_info) == (isinstance(line, Line) and line.traceback is not None)


@of_each_kind
def test_it_is_measured_as_declared(kind: type[Declared]) -> None:
    registry = CollectorRegistry()
    MetricsObserver([kind], "some_", registry).observe(example_of(kind))
    measured = {family.name for family in registry.collect() if family.samples}
    # The example is of one route: what counts for others alone has no sample.
    expected = {
        measure.metric for measure in measures_of(kind) if measure.when is None or "pipe" in measure.when.values
    }
    assert measured == {f"some_{metric.name}" for metric in expected}


@of_each_service
def test_a_metric_is_declared_once(service: Service) -> None:
    metrics = [measure.metric for kind in service.kinds for measure in measures_of(kind)]
    assert declared_twice([*metrics, *service.other_metrics]) == []
    MetricsObserver(service.kinds, service.prefix, CollectorRegistry())  # the client agrees


@of_each_service
def test_each_is_observed_somewhere(service: Service) -> None:
    assert never_observed(service.kinds, service.package) == []


@of_each_service
def test_the_closed_set_holds_all_that_are_defined(service: Service) -> None:
    assert names_of(service.kinds) == defined_in(service.package)


# The tests above would notice.


@dataclass(frozen=True, slots=True)
class Forgetful(Declared):
    member: str


@dataclass(frozen=True, slots=True)
class Silent(Declared):
    log = Without("")
    metrics = Without("")


@dataclass(frozen=True, slots=True)
class Empty(Declared):
    log = Line(logging.INFO, "some")
    metrics = ()


@dataclass(frozen=True, slots=True)
class Mistaken(Declared):
    log = Line(logging.INFO, "some")
    metrics = (Counter("some", "").inc(member="x"),)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Forgetful, [f"Forgetful declares no `{name}`, nor why it has none" for name in ("log", "metrics")]),
        (Silent, ["Silent does not say why it has no `log`", "Silent does not say why it has no `metrics`"]),
        (Empty, ["Empty declares no `metrics`, nor why it has none"]),
        (Mistaken, ["Mistaken: `some` does not say what it means", "Mistaken: `some` has no label `member`"]),
    ],
)
def test_what_is_forgotten_is_named(kind: type[Declared], expected: list[str]) -> None:
    assert list(forgotten_of(kind)) == expected


def test_a_metric_that_means_two_things_is_named() -> None:
    one = Counter("some", "One thing.", ("label",))
    assert declared_twice([one, Counter("some", "One thing.", ("label",))]) == []
    assert declared_twice([one, Counter("some", "Another thing.", ("label",))]) == ["some"]
    assert declared_twice([one, Counter("some", "One thing.")]) == ["some"]
    assert declared_twice([one, Gauge("some", "One thing.", ("label",))]) == ["some"]


def test_an_observation_that_nobody_makes_is_named() -> None:
    assert never_observed([Forgetful, BatchStored], "ingest_worker") == ["Forgetful"]
    assert defined_in("tests/service/observing", "Declared") >= {"Forgetful", "Silent", "Empty", "Mistaken"}
