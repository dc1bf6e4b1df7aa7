"""Plots as PNG, for those who installed the extra `bench`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

Line = Sequence[tuple[float, float]]

MISSING = "no plot: matplotlib is not installed\nhint: pip install 'birdhouse[bench]'"


def can_plot() -> bool:
    return find_spec("matplotlib") is not None


def plot_lines(
    path: Path, lines: Mapping[str, Line], *, title: str, x_label: str, y_label: str, is_logarithmic: bool = False
) -> None:
    """One line for each name, of (x, y). Needs `can_plot()`."""
    # Its Figure without pyplot: no windows, and nothing global.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, points in lines.items():
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", markersize=3, label=name)
    if is_logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
