"""Problems to the text that people read."""

from __future__ import annotations

from schemas.model import Place, Problem
from schemas.report import render


def test_a_problem_shows_its_place_its_line_and_a_hint() -> None:
    error = Problem(Place("x.datasource", 12, 3), "it is wrong", "do it right", "\ta Strin")
    warning = Problem(Place("p.pipe"), "it is odd", severity="warning")
    assert render([error, warning]) == (
        "error: it is wrong\n  --> x.datasource:12:3\n  12 |  a Strin\n         ^\nhint: do it right\n\n"
        "warning: it is odd\n  --> p.pipe:1:1\n\nfound 1 error and 1 warning"
    )


def test_no_problem_is_no_text() -> None:
    assert render([]) == ""


def test_a_long_line_is_shown_around_its_place() -> None:
    line = "a" * 5_000 + "HERE" + "b" * 5_000
    shown = render([Problem(Place("x", 1, 5_001), "wrong", "", line)]).split("\n")
    assert "HERE" in shown[2]
    assert shown[2][shown[3].index("^")] == "H"
    assert len(shown[2]) < 200


def test_what_a_line_holds_cannot_steer_a_terminal() -> None:
    assert "\x1b" not in render([Problem(Place("x"), "wrong \x1b[2J", "hint \x1b[1m", "a \x1b]0;title\x07")])
