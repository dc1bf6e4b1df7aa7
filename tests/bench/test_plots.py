"""Plots are drawn where matplotlib is installed, and their absence is said before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import plots, run
from bench.cli import bench


def test_lines_become_a_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "plot.png"
    plots.plot_lines(path, {"us": [(1, 10), (10, 20)]}, title="t", x_label="rows", y_label="ms", is_logarithmic=True)
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_without_matplotlib_it_is_said_and_the_bench_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Path | None] = []

    def measure(*arguments: object) -> None:
        ran.append(arguments[-1] if isinstance(arguments[-1], Path) else None)

    monkeypatch.setattr(plots, "can_plot", lambda: False)
    monkeypatch.setattr(run, "running_servers", lambda environment: _NoServers())
    monkeypatch.setattr(run, "measure", measure)
    result = CliRunner().invoke(bench, ["growth", "--plot", str(tmp_path / "plot.png")])
    assert result.exit_code == 0, result.output
    assert "matplotlib is not installed" in result.stderr
    assert "hint: pip install" in result.stderr
    assert ran == [None]


class _NoServers:
    versions: dict[str, str] = {}  # noqa: RUF012 - stands in for an instance

    def __enter__(self) -> _NoServers:
        return self

    def __exit__(self, *_: object) -> None: ...
