"""Callers in threads of their own: turn after turn until they are stopped."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod

_PAUSE_SECONDS = 0.005


class Callers(ABC):
    """`wrong` has what was not answered as it must be."""

    def __init__(self, threads: int) -> None:
        self.wrong: list[str] = []
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number, threads), daemon=True) for number in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self, number: int, step: int) -> None:
        while not self._is_over.wait(_PAUSE_SECONDS):
            self.take_turn(number)
            number += step

    @abstractmethod
    def take_turn(self, number: int) -> None:
        """One of the turns, which all threads together number from 0 on."""
