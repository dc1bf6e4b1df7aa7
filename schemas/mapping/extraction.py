"""Which parts of a message are taken out of its JSON in one go: leaves gathered into as few tuples as possible.

`JSONExtract(message, 'Tuple(a …, b Tuple(c …))')` parses a message once for all its columns. A tuple can hold a
path only once and only as one thing, so two columns on one path with different leaf types, or `$.a` beside
`$.a.b`, need a second tuple.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from schemas.own_names import EXTRACTED, LEAF, VALUE
from schemas.sql.text import call, identifier, literal

LeafType = Literal["Nullable(String)", "Dynamic"]
"""`Nullable(String)` gives a string's content, and of anything else its JSON text; `Dynamic` also tells the JSON
type, though not exactly: after a 1.5 in the same block an integer can arrive as Float64. Both are NULL for a missing
key, for null, and in every leaf of a message that is no valid JSON."""

MESSAGE = identifier(VALUE)


@dataclass(frozen=True, slots=True)
class Leaf:
    keys: tuple[str, ...]
    type: LeafType


@dataclass(slots=True)
class _Branch:
    children: dict[str, _Branch | LeafType] = field(default_factory=dict)

    def take(self, keys: tuple[str, ...], leaf_type: LeafType) -> bool:
        """Add a leaf; False when its path already means something else here."""
        head, *rest = keys
        found = self.children.get(head)
        if not rest:
            if found is None:
                self.children[head] = leaf_type
            return found in (None, leaf_type)
        if found is None:
            found = self.children[head] = _Branch()
        return isinstance(found, _Branch) and found.take(tuple(rest), leaf_type)

    def type_text(self) -> str:
        members = (
            f"{identifier(key)} {child.type_text() if isinstance(child, _Branch) else child}"
            for key, child in self.children.items()
        )
        return f"Tuple({', '.join(members)})"


@dataclass(slots=True)
class Extraction:
    """The tuples of one mapping. `add` leaves first, then read `definitions` and `expression`."""

    _trees: list[_Branch] = field(default_factory=list)
    _homes: dict[Leaf, int] = field(default_factory=dict)
    _leaves: dict[Leaf, str] = field(default_factory=dict)

    def add(self, leaves: Iterable[Leaf]) -> None:
        for leaf in leaves:
            if leaf in self._leaves:
                continue
            self._leaves[leaf] = f"{LEAF}{len(self._leaves)}"
            if all(map(_fits_a_tuple, leaf.keys)):
                self._homes[leaf] = self._home(leaf)

    def _home(self, leaf: Leaf) -> int:
        for number, tree in enumerate(self._trees):
            if tree.take(leaf.keys, leaf.type):
                return number
        self._trees.append(_Branch())
        assert self._trees[-1].take(leaf.keys, leaf.type)
        return len(self._trees) - 1

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        return tuple(self._leaves)

    @property
    def definitions(self) -> tuple[str, ...]:
        """What the WITH clause of a SELECT must hold, in order, for `expression` to be used in it."""
        trees = (
            f"{call('JSONExtract', MESSAGE, literal(tree.type_text()))} AS {_alias(number)}"
            for number, tree in enumerate(self._trees)
        )
        return (*trees, *(f"{self._taken(leaf)} AS {alias}" for leaf, alias in self._leaves.items()))

    def expression(self, leaf: Leaf) -> str:
        """The SQL of a leaf that was added: a name, so that it can be used often without a long text."""
        return self._leaves[leaf]

    def _taken(self, leaf: Leaf) -> str:
        """A parent that is an array would fill a tuple by position: it has no keys, so NULL."""
        if leaf not in self._homes:
            return call("JSONExtract", MESSAGE, *map(literal, leaf.keys), literal(leaf.type))
        taken = _alias(self._homes[leaf])
        for key in leaf.keys:
            taken = call("tupleElement", taken, literal(key))
        parents = [leaf.keys[:depth] for depth in range(1, len(leaf.keys))]
        if not parents:
            return taken
        is_array = " OR ".join(f"{json_type(parent)} = 'Array'" for parent in parents)
        # No bracket, no array: spares most messages the look at each parent's type.
        return f"if(position({MESSAGE}, '[') > 0 AND ({is_array}), NULL, {taken})"


def _alias(number: int) -> str:
    return f"{EXTRACTED}{number}"


def _fits_a_tuple(key: str) -> bool:
    """Whether ClickHouse takes `key` as the name of a tuple's member: not empty and not a number."""
    return bool(key) and not key.isdigit()


def json_type(keys: tuple[str, ...]) -> str:
    """SQL: the exact JSON type at a path (`Object`, `Array`, `String`, `Null`…; a missing key is `Null`)."""
    return call("JSONType", MESSAGE, *map(literal, keys))


def raw(keys: tuple[str, ...]) -> str:
    """SQL: the JSON text at a path, strings in quotes; empty for a missing key, and for an invalid message.

    ClickHouse writes a number in its shortest form (3.0 as 3), and an integer outside UInt64 in quotes.
    """
    return call("JSONExtractRaw", MESSAGE, *map(literal, keys))
