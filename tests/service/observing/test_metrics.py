"""Metrics by declaration: labels, values, conditions, and what stands in the registry before anything happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from service.observing.declared import Declared, Without
from service.observing.gauges import gauges_of
from service.observing.metric import Among, Counter, Gauge, Histogram, Member
from service.observing.metrics import MetricsObserver

ENDS = Counter("ends", "How it ended.", ("place", "outcome"))


@dataclass(frozen=True, slots=True)
class Ended(Declared):
    log = Without("a test")
    metrics = (
        ENDS.inc(outcome=Member("how")),
        Counter("rows", "Rows.", ("place",)).inc("rows", when=Among("how", ("well",))),
        Counter("reasons", "Reasons.", ("place", "reason")).inc_each("reason", "reasons"),
        Histogram("seconds", "Time.", ("place",), (1.0, 2.0)).observe("seconds"),
    )

    place: str
    how: str | None
    rows: int = 0
    seconds: float | None = None
    reasons: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Began(Declared):
    log = Without("a test")
    metrics = (
        Counter("begins", "How often it began.").inc(),
        Gauge("running", "Whether it runs.", ("place",)).set(1),
        Counter("doubled", "Twice its number.").inc(lambda began: began.number * 2),
    )

    place: str
    number: int = 0


class Bench:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.observe = MetricsObserver([Ended, Began], "some_", self.registry).observe

    def samples(self) -> list[str]:
        lines = generate_latest(self.registry).decode().splitlines()
        return [line for line in lines if not line.startswith("#") and "_created" not in line]


def test_before_anything_happens_only_what_has_no_label_is_a_series() -> None:
    assert Bench().samples() == ["some_begins_total 0.0", "some_doubled_total 0.0"]


def test_labels_are_members_of_their_name_or_what_is_given() -> None:
    bench = Bench()
    for _ in range(2):
        bench.observe(Ended("here", "well", rows=3))
    bench.observe(Ended("here", None))
    assert bench.samples()[:4] == [
        'some_ends_total{outcome="well",place="here"} 2.0',
        'some_ends_total{outcome="none",place="here"} 1.0',
        'some_rows_total{place="here"} 6.0',
        "some_begins_total 0.0",
    ]


def test_a_value_of_none_begins_no_series() -> None:
    bench = Bench()
    bench.observe(Ended("here", "well"))
    assert not any("seconds" in line for line in bench.samples())
    bench.observe(Ended("here", "well", seconds=1.5))
    assert 'some_seconds_bucket{le="2.0",place="here"} 1.0' in bench.samples()
    assert 'some_seconds_bucket{le="1.0",place="here"} 0.0' in bench.samples()


def test_each_entry_of_a_mapping_is_a_series() -> None:
    bench = Bench()
    for reasons in ({"a": 1, "b": 2}, {}, {"b": 3}):
        bench.observe(Ended("here", "well", reasons=reasons))
    assert [line for line in bench.samples() if "reason" in line] == [
        'some_reasons_total{place="here",reason="a"} 1.0',
        'some_reasons_total{place="here",reason="b"} 5.0',
    ]


def test_gauges_are_set_and_functions_asked() -> None:
    bench = Bench()
    bench.observe(Began("here", 4))
    assert bench.samples() == ["some_begins_total 1.0", 'some_running{place="here"} 1.0', "some_doubled_total 8.0"]


def test_what_is_not_known_is_not_counted() -> None:
    bench = Bench()
    before = bench.samples()
    bench.observe(Declared())
    assert bench.samples() == before


def test_two_metrics_of_one_name_are_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Other(Declared):
        log = Without("a test")
        metrics = (Counter("ends", "Something else.", ("place", "outcome")).inc(outcome="x"),)

        place: str

    with pytest.raises(ValueError, match="some_ends"):
        MetricsObserver([Ended, Other], "some_", CollectorRegistry())


def test_gauges_of_a_state_have_a_sample_for_each_that_has_a_value() -> None:
    measures = (
        Gauge("rows", "Rows.", ("place", "of")).set("rows", of="test"),
        Gauge("is_late", "Time.", ("place",)).set(lambda state: None if state.seconds is None else state.seconds > 1),
    )
    rows, is_late = gauges_of(measures, "some_", [Ended("here", None, 3), Ended("there", None, 4, seconds=2)])
    assert [(sample.labels, sample.value) for sample in rows.samples] == [
        ({"place": "here", "of": "test"}, 3.0),
        ({"place": "there", "of": "test"}, 4.0),
    ]
    assert [(sample.name, sample.labels, sample.value) for sample in is_late.samples] == [
        ("some_is_late", {"place": "there"}, 1.0)
    ]
