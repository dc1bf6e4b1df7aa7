"""What can be forgotten about an observation, and an example of each kind."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from service.observing.declared import Declared, Line, Without, measures_of
from service.observing.metric import Measure, Metric

CHECKOUT = Path(__file__).parents[1]


def forgotten_of(kind: type[Declared]) -> Iterator[str]:
    """What a kind of observation does not say of itself."""
    for name, expected in (("log", Line), ("metrics", tuple)):
        declared = vars(kind).get(name)
        if isinstance(declared, Without):
            if not declared.because:
                yield f"{kind.__name__} does not say why it has no `{name}`"
        elif not isinstance(declared, expected) or not declared:
            yield f"{kind.__name__} declares no `{name}`, nor why it has none"
    if "metrics" in vars(kind):
        yield from (f"{kind.__name__}: {text}" for measure in measures_of(kind) for text in _wrong_with(measure))


def _wrong_with(measure: Measure) -> Iterator[str]:
    metric = measure.metric
    if not metric.help:
        yield f"`{metric.name}` does not say what it means"
    for label in {*measure.given, *([measure.each] if measure.each else [])} - set(metric.labels):
        yield f"`{metric.name}` has no label `{label}`"


def declared_twice(metrics: Iterable[Metric]) -> list[str]:
    """Names that stand for two metrics, which differ in their kind, help, labels or buckets."""
    known: dict[str, Metric] = {}
    return [metric.name for metric in metrics if known.setdefault(metric.name, metric) != metric]


def never_observed(kinds: Iterable[type[Declared]], package: str) -> list[str]:
    """Kinds that nothing in the sources of a package makes."""
    made = {node.func.id for node in _nodes(package) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return [kind.__name__ for kind in kinds if kind.__name__ not in made]


def defined_in(package: str, base: str = "Observation") -> set[str]:
    """The names of all classes in the sources of a package that have this base."""
    return {
        node.name
        for node in _nodes(package)
        if isinstance(node, ast.ClassDef)
        and any(isinstance(parent, ast.Name) and parent.id == base for parent in node.bases)
    }


def _nodes(package: str) -> Iterator[ast.AST]:
    for path in sorted((CHECKOUT / package).rglob("*.py")):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def example_of(kind: type[Declared]) -> Declared:
    """An observation with a value for each member, by its type."""
    hints = get_type_hints(kind)
    return kind(**{field.name: _example(hints[field.name]) for field in fields(kind)})


_EXAMPLES: Mapping[object, Callable[[], object]] = {
    str: lambda: "some",
    int: lambda: 3,
    float: lambda: 0.25,
    bool: lambda: True,
    tuple: lambda: ("one", "two"),
    Mapping: lambda: {"one": 1},
    BaseException: lambda: ValueError("some"),
}


def _example(annotation: Any) -> object:
    origin: Any = get_origin(annotation)
    if origin is Literal:
        return get_args(annotation)[0]
    if origin is UnionType:
        return _example(next(member for member in get_args(annotation) if member is not NoneType))
    found = _EXAMPLES.get(origin or annotation)
    assert found is not None, f"no example of {annotation}: add one"
    return found()


def names_of(kinds: Collection[type[Declared]]) -> set[str]:
    return {kind.__name__ for kind in kinds}
