"""What can be wrong with a project.

SchemaError
└── ProjectError    one or more problems in a project's files; nothing of the project may be used
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.model import Problem, Project


class SchemaError(Exception):
    """Anything this package raises on purpose."""


class ProjectError(SchemaError):
    """The project cannot be used; `problems` lists everything that is wrong, in the order of files and lines.

    `readable` is what could be read, for whoever looks for more that is wrong.
    """

    def __init__(self, problems: Sequence[Problem], readable: Project | None = None) -> None:
        self.problems = tuple(problems)
        self.readable = readable
        super().__init__("\n".join(f"{problem.place}: {problem.message}" for problem in problems))
