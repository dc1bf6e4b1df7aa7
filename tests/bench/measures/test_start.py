"""What the start bench measures besides starts."""

from __future__ import annotations

from pathlib import Path

from bench.measures.start import first_renders, generated_pipes
from bench.systems.project_files import write_project


def test_a_first_render_makes_the_code_of_the_template_and_a_second_does_not(tmp_path: Path) -> None:
    found = first_renders(write_project(tmp_path / "p", {"events": "a"}, pipes=generated_pipes(3)))
    assert len(found) == 6
    # Making code takes milliseconds, a render some microseconds; `event_stats` of the example has next to no template.
    assert max(found) > 0.001
