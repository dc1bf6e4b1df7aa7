"""From what was seen to columns: a name, a JSONPath, a type, and why."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.inference.observed import Observed
from schemas.inference.sample import Sample

_DEEPEST = 5
_MOST_COLUMNS = 300
# An object whose keys are data: many of them, and most in few of the events.
_MAP_KEYS = 30
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACKETED_KEY = re.compile(r"[^'`\"\\\n\r\t]+")
_LOW = re.compile(r"LowCardinality\((.*)\)")
# What tells one from another has as many values as there are of these, however few a sample has.
_IDENTIFYING = re.compile(r"(^|_)(id|uuid|email|ip|url|hash|token)$|[a-z](Id|Uuid|Email|Url)$")
_SHOWN = 3
_LONGEST_SHOWN = 24
# Fewer rows say nothing of how often values come again.
_LEAST_ROWS = 20


@dataclass(frozen=True, slots=True)
class InferredColumn:
    """`note` says what was seen. `counts` are the values of a text column that has few, each with how often it came."""

    name: str
    path: str
    keys: tuple[str, ...]
    type: str
    default: str = ""
    note: str = ""
    counts: Mapping[str, int] | None = None

    @property
    def may_be_null(self) -> bool:
        return "Nullable(" in self.type

    @property
    def is_time(self) -> bool:
        return self.type.startswith("DateTime")


@dataclass(frozen=True, slots=True)
class Inferred:
    """`left_out` are the keys that no JSONPath can name."""

    columns: tuple[InferredColumn, ...]
    left_out: tuple[str, ...]


def infer(sample: Sample) -> Inferred:
    """The columns for a sample, in the order in which their values first came."""
    root = Observed()
    for event in sample.events:
        root.add(event)
    walk = _Walk()
    columns = tuple(walk.columns(root, (), may_be_missing=False))
    return Inferred(columns[:_MOST_COLUMNS], (*walk.left_out, *(column.path for column in columns[_MOST_COLUMNS:])))


class _Walk:
    def __init__(self) -> None:
        self.left_out: list[str] = []
        self._names: set[str] = set()

    def columns(self, parent: Observed, keys: tuple[str, ...], *, may_be_missing: bool) -> Iterator[InferredColumn]:
        for key, seen in parent.members.items():
            inner = (*keys, key)
            if not (_PLAIN_KEY.fullmatch(key) or _BRACKETED_KEY.fullmatch(key)):
                self.left_out.append(".".join(inner))
                continue
            is_missing = may_be_missing or seen.nulls > 0 or seen.present < parent.objects
            if seen.only == "object" and seen.members and len(inner) < _DEEPEST and not _is_map(seen):
                yield from self.columns(seen, inner, may_be_missing=is_missing)
            elif seen.only == "list" and (members := _members_of_all(seen)):
                for member, each in members.items():
                    yield self._column(
                        (*inner, member), f"{_path(inner)}[:]{_step(member)}", _list_of(each, may_be_missing=is_missing)
                    )
            else:
                yield self._column(inner, _path(inner), _guess(seen, may_be_missing=is_missing))

    def _column(self, keys: tuple[str, ...], path: str, guess: _Guess) -> InferredColumn:
        path += guess.path_end
        kind = _LOW.sub(r"\1", guess.type) if _IDENTIFYING.search(keys[-1]) else guess.type
        return InferredColumn(self._name(keys), path, keys, kind, guess.default, guess.note, guess.counts)

    def _name(self, keys: tuple[str, ...]) -> str:
        """A name that needs no quotes and is none of ClickHouse's hidden columns."""
        wanted = re.sub(r"[^A-Za-z0-9_]+", "_", "_".join(keys)).strip("_") or "column"
        wanted = f"c_{wanted}" if wanted[0].isdigit() or wanted.startswith("c__") else wanted
        candidates = (wanted if number == 1 else f"{wanted}_{number}" for number in range(1, len(self._names) + 2))
        name = next(name for name in candidates if name.lower() not in self._names)
        self._names.add(name.lower())
        return name


@dataclass(frozen=True, slots=True)
class _Guess:
    type: str
    note: str
    default: str = ""
    counts: Mapping[str, int] | None = None
    path_end: str = ""


def _guess(seen: Observed, *, may_be_missing: bool) -> _Guess:
    said = _missing(seen) if may_be_missing else ""
    if seen.only == "list" and (element := _element(seen)) is not None:
        note = f"lists: {element.note}" if element.note else "lists"
        default = "[]" if may_be_missing else ""
        return _Guess(f"Array({element.type})", note + said, default, path_end="[:]")
    guess = _scalar(seen)
    if not may_be_missing:
        return guess
    is_low = _LOW.fullmatch(guess.type)
    kind = f"LowCardinality(Nullable({is_low[1]}))" if is_low else f"Nullable({guess.type})"
    return _Guess(kind, guess.note + said, counts=guess.counts)


def _scalar(seen: Observed) -> _Guess:
    """The type of values that are there, whatever they are."""
    kind = seen.only
    if kind == "bool":
        return _Guess("Bool", "true or false")
    if kind == "int" and (integer := _integer(seen)):
        return _Guess(integer, f"whole numbers from {seen.smallest} to {seen.largest}")
    if kind == "float" and not seen.has_endless_number:
        return _Guess("Float64", "numbers")
    if kind == "text":
        return _text(seen)
    if not seen.kinds:
        return _Guess("String", "null in every event")
    if kind == "object":
        return _Guess("String", f"objects of {len(seen.members)} keys, as JSON text")
    if kind == "list":
        return _Guess("String", "lists, as JSON text")
    words = {"bool": "true and false", "int": "whole numbers", "float": "numbers", "text": "texts"}
    kinds = " and ".join(words.get(each, f"{each}s") for each in seen.kinds)
    return _Guess("String", f"{kinds}, as text")


def _integer(seen: Observed) -> str:
    """Wide rather than exact: what comes later is larger. Empty where there is no type for them."""
    assert seen.smallest is not None
    assert seen.largest is not None
    for bits in (64, 128, 256):
        if -(2 ** (bits - 1)) <= seen.smallest and seen.largest < 2 ** (bits - 1):
            return f"Int{bits}"
        if seen.smallest >= 0 and seen.largest < 2**bits:
            return f"UInt{bits}"
    return ""


def _text(seen: Observed) -> _Guess:
    counts = seen.texts.counts
    kind = seen.texts.forms.type
    if kind != "String":
        return _Guess(kind, "dates" if kind.startswith("Date") and "Time" not in kind else _WORDS.get(kind, "times"))
    if counts is None:
        return _Guess("String", "texts")
    total, distinct = counts.total(), len(counts)
    examples = ", ".join(map(_shown, sorted(counts, key=lambda text: (-counts[text], text))[:_SHOWN]))
    if total >= _LEAST_ROWS and distinct <= max(10, total // 20):
        more = ", …" if distinct > _SHOWN else ""
        return _Guess("LowCardinality(String)", f"{distinct} values: {examples}{more}", counts=counts)
    return _Guess("String", f"texts such as {examples}", counts=counts)


_WORDS = {"UUID": "UUIDs"}


def _element(seen: Observed) -> _Guess | None:
    """What lists hold, None for what no Array holds."""
    element = seen.element
    if element is None or not element.present:
        return _Guess("String", "empty in every event")
    if element.only in ("list", "object") or element.only is None or not element.kinds:
        return None
    guess = _scalar(element)
    bare = _LOW.sub(r"\1", guess.type)
    return _Guess(f"Nullable({bare})" if element.nulls else bare, guess.note)


def _members_of_all(seen: Observed) -> Mapping[str, Observed]:
    """The members of objects in lists, where every one has the same: a list for each member then."""
    element = seen.element
    if element is None or element.only != "object" or element.nulls:
        return {}
    are_alike = all(
        each.present == element.objects and not each.nulls and each.only in ("bool", "int", "float", "text")
        for each in element.members.values()
    )
    are_named = all(_PLAIN_KEY.fullmatch(key) for key in element.members)
    return element.members if are_alike and are_named else {}


def _list_of(each: Observed, *, may_be_missing: bool) -> _Guess:
    guess = _scalar(each)
    bare = _LOW.sub(r"\1", guess.type)
    return _Guess(f"Array({bare})", f"of objects in lists: {guess.note}", "[]" if may_be_missing else "")


def _is_map(seen: Observed) -> bool:
    counts = Counter({key: each.present for key, each in seen.members.items()})
    return len(counts) > _MAP_KEYS and counts.total() < 0.3 * len(counts) * seen.objects


def _missing(seen: Observed) -> str:
    return "; null in some events" if seen.nulls and seen.kinds else "; not in every event" if seen.kinds else ""


def _path(keys: tuple[str, ...]) -> str:
    return "$" + "".join(map(_step, keys))


def _step(key: str) -> str:
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f".['{key}']"


def _shown(text: str) -> str:
    """A value as a comment can hold it."""
    cut = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return json.dumps("".join(each if each.isprintable() and each != "`" else "·" for each in cut), ensure_ascii=False)
