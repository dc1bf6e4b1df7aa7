"""Every type that can be filled from JSON."""

from __future__ import annotations

from tests.schemas.mapping.samples.containers import CONTAINERS
from tests.schemas.mapping.samples.numbers import NUMBERS
from tests.schemas.mapping.samples.texts import TEXTS
from tests.schemas.mapping.samples.times import TIMES

SAMPLES = [*TEXTS, *NUMBERS, *TIMES, *CONTAINERS]
