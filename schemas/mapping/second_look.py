"""SQL of the second look: messages of which the first cannot say what was sent are taken apart and read again.

It is a way of its own through the tables, since ClickHouse analyses its long SQL only when rows come to it, and rows
come only where a text may have been written in another way than ClickHouse shows it, or a number is out of range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.mapping.extraction import Extraction, Leaf
from schemas.mapping.values.exact_text import (
    is_plainly_spelled,
    is_quick_right,
    is_respelled,
    member,
    parts,
    quick_text,
    quote_out_of_range,
)
from schemas.own_names import FRAMED, IS_QUICK, PARTS, SENT, VALUE
from schemas.sql.text import identifier

AS_SENT = frozenset({"String", "FixedString"})
"""The types that keep the text that was sent, whatever kind of JSON it is."""

SENT_MESSAGE = identifier(SENT)


def reread(table: str, carried: Iterable[str], extraction: Extraction, texts: Iterable[Leaf], unframed: str) -> str:
    """SQL: the rows of a table of parsed messages with the leaves of `extraction` as columns, those in `texts` as they
    were sent. `unframed` is SQL over the message as it came, `__value`.

    One SELECT around the other, since ClickHouse analyses a text anew wherever it stands; as few as can be, since it
    looks at every column of each.
    """
    value = identifier(VALUE)
    kept = ", ".join(identifier(name) for name in carried if name != VALUE)
    source = f"(SELECT {kept}, {value} AS {identifier(FRAMED)}, {unframed} AS {SENT_MESSAGE} FROM {table})"
    source = _with_columns(source, {value: quote_out_of_range(SENT_MESSAGE)})
    names = [extraction.expression(leaf) for leaf in extraction.leaves]
    if not names:
        return source
    definitions = ",\n    ".join(extraction.definitions)
    source = f"(WITH\n    {definitions}\nSELECT *, {', '.join(names)}\nFROM {source})"
    wanted = {extraction.expression(leaf): leaf.keys for leaf in texts}
    return _as_sent(source, wanted) if wanted else source


def _as_sent(source: str, texts: Mapping[str, tuple[str, ...]]) -> str:
    """SQL: `source` with texts, name → path, as they were sent. A message is taken apart only where the quick way does
    not find them all."""
    value = identifier(VALUE)
    quick = (f"(NOT {is_respelled(value, keys)} OR {is_quick_right(SENT_MESSAGE, keys)})" for keys in texts.values())
    source = _with_columns(source, {IS_QUICK: " AND ".join([is_plainly_spelled(SENT_MESSAGE), *quick])})
    # Without the byte order mark that a message may begin with.
    root = f"if({IS_QUICK}, '', substring({SENT_MESSAGE}, position({SENT_MESSAGE}, '{{')))"
    for parents in _by_depth(texts.values()):
        source = _with_columns(source, {_parts_of(path): parts(_text_at(path) if path else root) for path in parents})
    chosen = []
    for name, keys in texts.items():
        text = f"if({IS_QUICK}, {quick_text(SENT_MESSAGE, keys)}, {_text_at(keys)})"
        chosen.append(f"if({is_respelled(value, keys)}, {text}, {name}) AS {name}")
    return f"(SELECT * EXCEPT ({', '.join(texts)}), {', '.join(chosen)}\nFROM {source})"


def _with_columns(source: str, columns: Mapping[str, str]) -> str:
    return f"(SELECT *, {', '.join(f'{text} AS {name}' for name, text in columns.items())}\nFROM {source})"


def _by_depth(paths: Iterable[tuple[str, ...]]) -> list[list[tuple[str, ...]]]:
    """The objects that hold the paths, and those around them: first the message, then what lies in it, and so on."""
    parents = {path[:depth] for path in paths for depth in range(len(path))}
    depths = sorted({len(path) for path in parents})
    return [sorted(path for path in parents if len(path) == depth) for depth in depths]


def _text_at(path: tuple[str, ...]) -> str:
    """SQL: the text of what lies at a path, the members of the object around it being a column."""
    return member(_parts_of(path[:-1]), path[-1])


def _parts_of(path: tuple[str, ...]) -> str:
    return identifier(PARTS + ".".join(path))
