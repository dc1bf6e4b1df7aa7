"""A project's error says everything that is wrong, one problem a line."""

from __future__ import annotations

from schemas.errors import ProjectError, SchemaError
from schemas.model import Place, Problem


def test_every_problem_is_told_with_its_place() -> None:
    error = ProjectError([Problem(Place("a.pipe", 2, 3), "no"), Problem(Place("b.pipe"), "neither")])
    assert isinstance(error, SchemaError)
    assert str(error) == "a.pipe:2:3: no\nb.pipe:1:1: neither"
    assert error.readable is None
