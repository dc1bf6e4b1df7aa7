"""What several processes write into the memory that they share: rate limits that hold, a number that loses no step."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.access.rate_limit import RateLimiter
from query_api.errors import TooManyRequests
from query_api.processes.sharing.shared_memory import BUCKET_BYTES, WAYS, SharedMemory, SharedTold
from query_api.processes.sharing.shared_rates import SharedRates

TAKING = """
import sys, time
from pathlib import Path
from query_api.errors import TooManyRequests
from query_api.processes.sharing.shared_memory import SharedMemory, SharedTold
from query_api.processes.sharing.shared_rates import SharedRates
memory = SharedMemory.open(Path(sys.argv[1]))
rates, told, taken = SharedRates(memory), SharedTold(memory), 0
print("ready", flush=True)
end = time.monotonic() + float(sys.stdin.readline())
while time.monotonic() < end:
    told.advance()
    try:
        rates.take("page", 500)
        taken += 1
        print(taken, told.now(), flush=True)
    except TooManyRequests:
        pass
for _ in range(1000):
    told.advance()
print("advanced", flush=True)
"""


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[SharedMemory]:
    made = SharedMemory.create(tmp_path / "memory")
    yield made
    made.close()


def granted(rates: RateLimiter | SharedRates, name: str, rps: int) -> bool:
    try:
        rates.take(name, rps)
    except TooManyRequests:
        return False
    return True


class Taker:
    """A process that takes as fast as it can."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def begin(self, seconds: float) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()

    def taken(self) -> int:
        """How many it was granted, once it is gone."""
        lines = self.process.communicate(timeout=20)[0].splitlines()
        return sum(line.split()[0].isdecimal() for line in lines)


def test_processes_together_get_a_tokens_rate_and_no_more(tmp_path: Path, memory: SharedMemory) -> None:
    takers = [Taker(tmp_path / "memory") for _ in range(3)]
    began = time.monotonic()
    for taker in takers:
        taker.begin(1.0)
    time.sleep(0.5)  # in the middle of what it does
    takers[0].process.kill()
    taken = [taker.taken() for taker in takers]
    seconds = time.monotonic() - began
    # What a killed process was granted and could not say is one request.
    assert 500 <= sum(taken) <= 500 * (1 + seconds) + 1
    told = SharedTold(memory)
    before = told.now()
    assert before >= 2000
    told.advance()
    assert told.now() == before + 1


@given(
    rps=st.integers(1, 20),
    asked=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "b"]), st.floats(0, 0.3)), max_size=60),
)
def test_whoever_asks_the_answer_is_that_of_one_process(
    rps: int, asked: list[tuple[int, str, float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    now = 100.0
    memory = SharedMemory.create(tmp_path_factory.mktemp("shared") / "memory")
    try:
        processes = [SharedRates(memory, lambda: now) for _ in range(3)]
        alone = RateLimiter(lambda: now)
        for number, name, pause in asked:
            now += pause
            assert granted(processes[number], name, rps) == granted(alone, name, rps)
    finally:
        memory.close()


def test_of_names_that_meet_the_one_that_is_full_first_is_forgotten(
    memory: SharedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SharedMemory, "set_offset", lambda self, number: BUCKET_BYTES * WAYS * 64)
    rates = SharedRates(memory, lambda: 100.0)
    for number in range(WAYS):
        # The last ones have more to get back.
        for _ in range(number + 1):
            assert granted(rates, f"name {number}", WAYS)
    assert not granted(rates, f"name {WAYS - 1}", WAYS)
    assert granted(rates, "another", WAYS)
    # It has the place of the first: which begins anew, and in the place of the other, that is full as soon.
    assert [granted(rates, "name 0", 1), granted(rates, "name 0", 1)] == [True, False]
    assert not granted(rates, f"name {WAYS - 1}", WAYS)


def test_the_answers_headers_are_those_of_one_process(memory: SharedMemory) -> None:
    rates = SharedRates(memory, lambda: 100.0)
    assert rates.take("a", 2) == {"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1"}
    rates.take("a", 2)
    with pytest.raises(TooManyRequests) as refused:
        rates.take("a", 2)
    assert refused.value.headers["X-RateLimit-Remaining"] == "0"


def test_nobody_else_can_read_it(tmp_path: Path, memory: SharedMemory) -> None:
    assert (tmp_path / "memory").stat().st_mode & 0o777 == 0o600
    assert memory.key != bytes(len(memory.key))
