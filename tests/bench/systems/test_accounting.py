"""What is read of /proc: files as Linux writes them, and the processes of one group."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.systems.accounting import (
    TICKS_PER_SECOND,
    Accounts,
    cpu_seconds,
    parse_peak_memory,
    parse_stat,
    peak_memory,
)


def stat_line(name: str = "python", group: int = 7, times: tuple[int, int, int, int] = (100, 20, 3, 1)) -> str:
    return f"42 ({name}) S 1 {group} 7 0 -1 4194560 900 0 0 0 {' '.join(map(str, times))} 20 0 5 0 555 273256 66000"


def add_process(proc: Path, number: int, group: int, times: tuple[int, int, int, int], kibibytes: int) -> None:
    (proc / str(number)).mkdir()
    (proc / str(number) / "stat").write_text(stat_line(group=group, times=times))
    (proc / str(number) / "status").write_text(f"Name:\tpython\nVmPeak:\t  999999 kB\nVmHWM:\t{kibibytes:>8} kB\n")


@pytest.mark.parametrize("name", ["python", "tricky) S 1 2 (3", "a b"])
def test_a_stat_is_read_whatever_the_process_is_called(name: str) -> None:
    stat = parse_stat(stat_line(name))
    assert stat.process_group == 7
    assert stat.cpu_seconds == pytest.approx(124 / TICKS_PER_SECOND)


def test_the_largest_resident_size_is_in_bytes() -> None:
    assert parse_peak_memory("VmPeak:\t 9 kB\nVmHWM:\t   2048 kB\nVmRSS:\t 1 kB\n") == 2048 * 1024
    assert parse_peak_memory("Name:\tkthreadd\n") is None


def test_a_group_is_all_its_processes_and_nobody_elses(tmp_path: Path) -> None:
    add_process(tmp_path, 10, group=10, times=(100, 0, 0, 0), kibibytes=1000)
    add_process(tmp_path, 11, group=10, times=(0, 50, 0, 0), kibibytes=500)
    add_process(tmp_path, 12, group=12, times=(9, 9, 9, 9), kibibytes=9)
    (tmp_path / "meminfo").write_text("")
    assert cpu_seconds(10, tmp_path) == pytest.approx(150 / TICKS_PER_SECOND)
    assert peak_memory(10, tmp_path) == 1500 * 1024


def test_what_the_kernel_does_not_tell_is_not_made_up(tmp_path: Path) -> None:
    assert cpu_seconds(10, tmp_path) is None
    assert peak_memory(10, tmp_path / "no proc") is None
    assert cpu_seconds(None) is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")
def test_accounts_hold_what_was_spent_since() -> None:
    accounts = Accounts({"we": os.getpgrp()})
    before = cpu_seconds(os.getpgrp())
    assert before is not None
    while (cpu_seconds(os.getpgrp()) or 0.0) < before + 0.05:
        sum(range(100_000))
    assert accounts.micros_each(1_000)["we"] >= 0.05 / 1_000 * 1e6 * 0.99
    assert accounts.peak_memory()["we"] > 1_000_000
