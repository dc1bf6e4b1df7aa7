"""In which order changes of views are carried out, where what one is filled with depends on another's being filled."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.tables.views.view import ViewChanges, ViewShape


@dataclass(frozen=True, slots=True)
class Stage:
    """Changes that are carried out together, while `views` are all that are there or are made."""

    changes: ViewChanges
    views: tuple[ViewShape, ...]


def stages_of(changes: ViewChanges, views: tuple[ViewShape, ...]) -> tuple[Stage, ...]:
    """The changes in stages. `views` are all of the project's.

    Views that read from each other as a chain are filled together. One that looks up what another one writes, in JOIN,
    IN or joinGet, is filled once that is there: its rows would be without it for good. There is always a first stage.
    """
    numbers: dict[str, int] = {}
    for shape in changes.new:  # each after those that it reads from
        before = [other for other in changes.new if other.name in numbers and other.target in shape.reads]
        numbers[shape.name] = max((_number(shape, other, numbers) for other in before), default=0)
    last = max(numbers.values(), default=0)
    return tuple(_stage(number, changes, views, numbers) for number in range(last + 1))


def _number(shape: ViewShape, other: ViewShape, numbers: dict[str, int]) -> int:
    is_looked_up = other.target != shape.source and other.fills and shape.fills
    return numbers[other.name] + is_looked_up


def _stage(number: int, changes: ViewChanges, views: tuple[ViewShape, ...], numbers: dict[str, int]) -> Stage:
    new = tuple(shape for shape in changes.new if numbers[shape.name] == number)
    # A view of another target goes when it comes again.
    later = {name for name, its in numbers.items() if its > number}
    others = tuple(shape for shape in views if shape.name not in later)
    if number == 0:
        gone = tuple(name for name in changes.gone if name not in later)
        return Stage(ViewChanges(new, changes.changed, gone, changes.unfilled), others)
    names = {shape.name for shape in new}
    return Stage(ViewChanges(new, gone=tuple(name for name in changes.gone if name in names)), others)
