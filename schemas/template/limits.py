"""How much one render may use, so that no template can take the service down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from schemas.template.errors import TemplateLimitError


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """The limits of one render.

    `source` characters of a template; `seconds` of CPU, so that a busy machine fails nobody; `steps` loop turns,
    calls and operators; `output` characters of SQL, as many as ClickHouse parses by default; `bound` characters of
    all bound values; `weight` of one value: its characters plus its elements, those of elements counted each time
    they appear; `integer_bits` of one whole number (ClickHouse's widest has 256).
    """

    source: int = 131_072
    seconds: float = 0.25
    steps: int = 100_000
    bound: int = 4_194_304
    output: int = 262_144
    weight: int = 262_144
    integer_bits: int = 1_024


DEFAULT_LIMITS = RenderLimits()
# No render of a sound template takes so long.
_UNSEEN_SECONDS = 0.01
# Nor so many of them, each bounded by the weight of what it makes: no clock is looked at before.
_UNSEEN_STEPS = 32


class Budget:
    """What is left of one render's limits.

    `clock` is the CPU's, and asking it is a call of the kernel that can take longer than a whole render: it is left
    alone until `_UNSEEN_SECONDS` have passed by `cheap_clock`, which counts as CPU then. A render cannot have more CPU
    than time passes, so after that it is asked when the limit could be reached, not before.
    """

    __slots__ = (
        "_bound",
        "_cheap_clock",
        "_clock",
        "_deadline",
        "_look_at",
        "_look_below",
        "_output",
        "_steps",
        "limits",
    )

    def __init__(
        self,
        limits: RenderLimits = DEFAULT_LIMITS,
        clock: Callable[[], float] = time.thread_time,
        cheap_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self._clock = clock
        self._cheap_clock = cheap_clock
        self._look_at = cheap_clock() + _UNSEEN_SECONDS
        self._deadline: float | None = None
        self._steps = limits.steps
        self._look_below = max(limits.steps - _UNSEEN_STEPS, 0)
        self._output = limits.output
        self._bound = limits.bound

    def step(self, amount: int = 1) -> None:
        """Spend steps; looks at the clock too. Raises TemplateLimitError."""
        self._steps -= amount
        if self._steps < self._look_below:
            self._look()

    def _look(self) -> None:
        if self._steps < 0:
            raise TemplateLimitError(f"the template takes more than {self.limits.steps} steps of CPU to render")
        self._look_below = max(self._steps - _UNSEEN_STEPS, 0)
        now = self._cheap_clock()
        if now <= self._look_at:
            return
        used = self._clock()
        if self._deadline is None:
            self._deadline = used + self.limits.seconds - _UNSEEN_SECONDS
            self._look_at = now + self.limits.seconds - _UNSEEN_SECONDS
        elif used > self._deadline:
            raise TemplateLimitError(f"the template takes more than {self.limits.seconds:g} s of CPU to render")

    def written(self, pieces: Iterable[str]) -> str:
        """The text of these pieces, which is output. Raises TemplateLimitError, and what making a piece does."""
        taken, room = list[str](), self._output
        for piece in pieces:
            room -= len(piece)
            if room < 0:
                raise TemplateLimitError(f"the template renders to more than {self.limits.output} characters")
            taken.append(piece)
        self._output = room
        return "".join(taken)

    def bind(self, amount: int) -> None:
        """Spend room for bound values, in characters. Raises TemplateLimitError."""
        self._bound -= amount
        if self._bound < 0:
            raise TemplateLimitError(f"the template binds values of more than {self.limits.bound} characters")

    def expect_weight(self, weight: int) -> None:
        """Refuse a value before it is made. Raises TemplateLimitError."""
        if weight > self.limits.weight:
            raise TemplateLimitError(f"the template makes a value larger than {self.limits.weight} characters")

    def checked(self, value: object) -> object:
        """The value itself, if it is not too large. Raises TemplateLimitError."""
        if isinstance(value, int):
            if value.bit_length() > self.limits.integer_bits:
                raise TemplateLimitError(f"the template makes a number of more than {self.limits.integer_bits} bits")
        elif isinstance(value, str):
            self.expect_weight(len(value))
        elif isinstance(value, (list, tuple, dict)):
            self.expect_weight(weight_of(value, self.limits.weight))
        return value


def weight_of(value: object, cap: int) -> int:
    """Characters plus elements of a value, all the way down; stops counting once it is over `cap`."""
    total, pending = 0, [value]
    while pending and total <= cap:
        current = pending.pop()
        total += 1
        if isinstance(current, str):
            total += len(current)
        elif isinstance(current, dict):
            pending.extend(current.keys())
            pending.extend(current.values())
        elif isinstance(current, (list, tuple)):
            pending.extend(current)
    return total
