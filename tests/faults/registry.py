"""All faults by name, each with what its round is set up like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.house import FaultHouse, Setup

Scenario = Callable[[FaultHouse], object]


@dataclass(frozen=True, slots=True)
class Fault:
    """A scenario starts load and workers, breaks something, and ends in the house's `judge`."""

    name: str
    scenario: Scenario
    setup: Setup


FAULTS: dict[str, Fault] = {}


def fault(name: str, setup: Setup | None = None) -> Callable[[Scenario], Scenario]:
    """Register a scenario under that name."""

    def register(scenario: Scenario) -> Scenario:
        assert name not in FAULTS
        FAULTS[name] = Fault(name, scenario, setup or Setup())
        return scenario

    return register
